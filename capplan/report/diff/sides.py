"""The two sides of a comparison: JSON reports as they were written, or scenario files, planned now.

A report of an older schema is brought up to the present one as it is read; a newer one is refused.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from capplan.errors import UserError
from capplan.reading import Unreadable, parse_json, read_bytes, text_of

from ..document import document
from ..metrics import BY_NAME
from ..report import SCHEMA, Report, report

_FAMILY, _, _NEWEST = SCHEMA.partition("/")
# What brings a report of each older version up to the next; version 1 is the first.
UPGRADES: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
_PARTS: Mapping[str, type] = {"kind": str, "scenario": dict, "rows": list}
_SCENARIOS = (".yaml", ".yml")
_LARGEST = 1e30
MOST_BYTES = 32 << 20  # a sweep of ten thousand plans


@dataclass(frozen=True)
class Side:
    """One report, or the report that a scenario gives now.

    file: as it was named. report: the JSON object. planned: made just now from a scenario file, so that nothing but the
    scenario explains it. text: of the scenario file, to find the lines of keys; '' for a report whose scenario does not
    lie here. path: where relative paths in the scenario start.
    """

    file: str
    report: Mapping[str, Any]
    planned: bool = False
    text: str = field(default="", repr=False)
    path: Path | None = None

    @property
    def name(self) -> str:
        """The scenario's name, on one line and without codes that steer a terminal."""
        return printable(str(self.report["scenario"].get("name") or self.file))


def printable(text: str) -> str:
    """Text on one line, without control characters."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def read(path: str, overrides: Sequence[str] = ()) -> dict[str, Side]:
    """The reports of a file, or of every file in a folder, by what pairs them: '' for one file, file names in a folder.

    Raises UserError naming the file that cannot be read and why.
    """
    place = Path(path)
    if place.is_dir():
        files = sorted(one for one in place.iterdir() if one.suffix in (".json", *_SCENARIOS))
        if not files:
            raise UserError(f"{path}: no reports or scenarios in this folder (.json or .yaml files are looked for)")
        return {one.stem: side(read_bytes(one, MOST_BYTES), str(one), overrides) for one in files}
    return {"": side(read_bytes(place, MOST_BYTES), path, overrides)}


def read_at(revision: str, path: str, overrides: Sequence[str] = ()) -> dict[str, Side]:
    """The same from a git revision of the repository that holds `path`."""
    place = Path(path)
    folder = place if place.is_dir() else place.parent
    if place.is_dir():
        # With its final stroke git names what lies in the folder.
        listed = _git(folder, "ls-tree", "--name-only", revision, "./").decode().split()
        files = sorted(name for name in listed if Path(name).suffix in (".json", *_SCENARIOS))
        return {
            Path(name).stem: side(_shown(folder, revision, name), f"{revision}:{place / name}", overrides, place / name)
            for name in files
        }
    return {"": side(_shown(folder, revision, place.name), f"{revision}:{path}", overrides, place)}


def _shown(folder: Path, revision: str, name: str) -> bytes:
    return _git(folder, "show", f"{revision}:./{name}")


def _git(folder: Path, *arguments: str) -> bytes:
    if arguments[-1].startswith("-") or any(word.startswith("-") for word in arguments[1:] if word != "--name-only"):
        raise UserError(f"--git {arguments[-1]}: no revision begins with a dash")
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)
    except OSError as error:
        raise UserError(f"--git: git cannot be run ({error.strerror})") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ").splitlines() or ["no reason given"]
        raise UserError(f"--git: {said[0]}")
    return done.stdout


def side(raw: bytes, file: str, overrides: Sequence[str] = (), path: Path | None = None) -> Side:
    """A side from the bytes of a report or of a scenario. path: the scenario's file where `file` is not one."""
    text, where = text_of(raw, file), path or Path(file)
    if where.suffix in _SCENARIOS:
        return _planned(text, file, overrides, where)
    if not text.strip():
        raise UserError(f"{file}: empty; a report of `capplan ... --format json` is needed")
    try:
        tree = parse_json(text, file)
    except Unreadable as wrong:
        cut = text.lstrip().startswith("{") and not text.rstrip().endswith("}")
        what = "is it truncated? " if cut else ""
        raise UserError(f"{wrong}; {what}write the report again with --format json") from None
    if isinstance(tree, dict) and "schema" not in tree and {"version", "workload"} <= tree.keys():
        return _planned(text, file, overrides, where)
    return _stated(_checked(tree, file), file, where)


def _stated(report: dict[str, Any], file: str, where: Path) -> Side:
    """The side of a report; the scenario that it says it is of is looked into where it lies here, too."""
    said = report.get("scenario_file")
    if not isinstance(said, str) or Path(said).is_absolute() or ".." in Path(said).parts:
        return Side(file, report, path=where)
    from capplan.scenario.document import LARGEST_BYTES

    try:
        return Side(file, report, text=text_of(read_bytes(said, LARGEST_BYTES), said), path=Path(said))
    except UserError:
        return Side(file, report, path=where)


def _checked(tree: Any, file: str) -> dict[str, Any]:
    schema = tree.get("schema") if isinstance(tree, dict) else None
    if not isinstance(schema, str) or not schema.startswith(f"{_FAMILY}/"):
        said = f"its schema is '{schema}'" if schema else "it names no schema"
        raise UserError(f"{file}: not a report of capplan ({said}, {_FAMILY}/{_NEWEST} is needed)")
    version = schema.partition("/")[2]
    if not (version.isdecimal() and len(version) < 9 and int(version) >= 1):
        raise UserError(f"{file}: not a report of capplan ('{schema[:40]}' is no schema of it)")
    if int(version) > int(_NEWEST):
        raise UserError(f"{file}: written by a newer capplan ({schema}; this one reads up to {SCHEMA}); update capplan")
    for step in range(int(version), int(_NEWEST)):
        tree = UPGRADES[step](tree)
    return _whole(tree, file)


def _whole(tree: dict[str, Any], file: str) -> dict[str, Any]:
    for name, kind in _PARTS.items():
        if not isinstance(tree.get(name), kind):
            raise UserError(f"{file}: a damaged report: '{name}' is missing or of another type")
    for at, row in enumerate(tree["rows"], 1):
        if not isinstance(row, dict):
            raise UserError(f"{file}: a damaged report: row {at} is not an object")
        wrong = next((name for name, value in row.items() if not _is_of_its_column(name, value)), None)
        if wrong is not None:
            raise UserError(f"{file}: a damaged report: row {at}: {printable(wrong)[:60]} is {str(row[wrong])[:40]!r}")
    return tree


def _is_of_its_column(name: str, value: object) -> bool:
    """Whether a value is one that the column can have; what no plan comes to in any unit is none."""
    if value is None:
        return True
    if isinstance(value, int | float) and not isinstance(value, bool):
        possible = value == 0 or 1 / _LARGEST < abs(value) < _LARGEST
        return possible and (name not in BY_NAME or BY_NAME[name].unit not in ("text", "flag"))
    return name not in BY_NAME or isinstance(value, {"text": str, "flag": bool}.get(BY_NAME[name].unit, ()))


def _planned(text: str, file: str, overrides: Sequence[str], path: Path) -> Side:
    from capplan.scenario.loader import loads

    scenario = loads(text, file, overrides, path)
    return Side(file, document(planned(scenario)), planned=True, text=text, path=path)


def planned(scenario: Any, further: bool = True) -> Report:
    """The report that answers a scenario's own question: its pools, its sweep, or its one plan.

    further: with the columns that `tco` adds to a plan's own, for which it is planned twice.
    """
    if scenario.routing is not None:
        from capplan.search.route import route

        routed = route(scenario)
        return report("route", routed.plans, rows=routed.rows, axes=("pool",), scenario=scenario.resolved())
    if scenario.sweeps:
        from capplan.search.sweep import sweep

        swept = sweep(scenario)
        return report("sweep", swept.plans, rows=swept.rows, axes=swept.columns, scenario=scenario.resolved())
    from capplan.plan import plan
    from capplan.search.per_unit import per_unit, with_next

    if not further:
        return report("tco", [plan(scenario)])
    made, more = with_next(scenario)
    return report("tco", [made], rows=[{**made.row, **per_unit(made, more)}])
