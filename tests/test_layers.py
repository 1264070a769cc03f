"""The house keeps its floors: imports go downward only, and heavy libraries stay in their rooms."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "capplan"
# From the ground up; rooms on one line may not know each other, the lowest line apart.
FLOORS = (
    {"errors", "reading", "records", "spellings", "units", "version", "writing"},
    {"catalog"},
    {"scenario"},
    {"engine"},
    {"reasoning"},
    {"fleet", "cost"},
    {"plan"},
    {"search", "simulate", "measured"},
    {"report"},
    {"cli"},
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
# Libraries and the only places that may import them, as path prefixes within the package.
DOORS = {
    "pint": ("units.py",),
    "yaml": ("scenario/", "catalog/files.py"),
    "rich": ("cli/", "report/formats/table.py"),
    "typer": ("cli/",),
    "jinja2": ("report/page/",),
    "vl_convert": ("report/charts/",),
}
WITHOUT_ARRAYS = ("errors.py", "reading.py", "writing.py", "spellings.py", "units.py", "catalog/", "scenario/",
                  "cli/main.py", "cli/common.py")  # fmt: skip
FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path, top_level_only: bool = False) -> Iterator[str]:
    """Dotted names that a file imports, relative ones made absolute; code for type checkers does not count."""
    parts = ("capplan", *path.relative_to(PACKAGE).with_suffix("").parts)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(child) for node in ast.walk(tree) if _for_types(node) for child in ast.walk(node)}
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parts[: len(parts) - node.level]) if node.level else ""
            stem = ".".join(part for part in (base, node.module or "") if part)
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def dotted(path: Path) -> str:
    return ".".join(("capplan", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def room(found: str) -> str | None:
    """The room of the package that a dotted name is in, or None where it is in none."""
    parts = found.split(".")
    return parts[1] if parts[0] == "capplan" and len(parts) > 1 and parts[1] in FLOOR else None


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_every_room_of_the_package_has_a_floor() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert rooms - {"__init__"} <= FLOOR.keys(), "a new room: give it a floor in FLOORS"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_go_downward_only(path: Path) -> None:
    here = room(dotted(path))
    if here is None or FLOOR[here] == 0:
        return
    others = {found: there for found in imported(path) if (there := room(found)) and there != here}
    assert not [found for found, there in others.items() if FLOOR[there] >= FLOOR[here]]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_libraries_are_imported_behind_their_doors_only(path: Path) -> None:
    for library, doors in DOORS.items():
        if any(found.partition(".")[0] == library for found in imported(path)):
            assert name(path).startswith(doors), f"{library} may be imported by {', '.join(doors)} only"


def test_no_files_import_each_other_in_a_circle() -> None:
    files = {dotted(path): path for path in FILES}
    homes = {file: {found if found in files else found.rpartition(".")[0] for found in imported(path)}
             for file, path in files.items()}  # fmt: skip
    TopologicalSorter(homes).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("path", FILES, ids=name)
def test_arrays_stay_out_of_catalogue_scenario_and_units(path: Path) -> None:
    arrays = {found for found in imported(path) if found.partition(".")[0] in ("numpy", "scipy")}
    assert not (arrays and name(path).startswith(WITHOUT_ARRAYS))


@pytest.mark.parametrize("path", sorted((PACKAGE / "cli").glob("*.py")), ids=name)
def test_commands_import_nothing_heavy_at_their_top(path: Path) -> None:
    light = {"capplan.errors", "capplan.cli", "capplan.version", "capplan.records"}
    ours = {found for found in imported(path, top_level_only=True) if found.startswith("capplan")}
    heavy = {"numpy", "scipy", "pint", "yaml", "rich", "pydantic", "jinja2", "vl_convert"}
    assert not {found for found in imported(path, top_level_only=True) if found.partition(".")[0] in heavy}
    assert not {found for found in ours if not found.startswith(tuple(light))}


def test_no_file_has_grown_past_one_idea() -> None:
    long = {name(path): lines for path in FILES if (lines := len(path.read_text("utf-8").splitlines())) > 350}
    assert not long
