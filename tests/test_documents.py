"""Documents lead where they say: their links, files, make targets, commands, options and exit codes are there."""

import json
import re
import shlex
from pathlib import Path

import pytest

import capplan
from capplan import errors
from capplan.cli.main import BUG, INTERRUPTED, built, command_names
from capplan.plan.upkeep import AVAILABILITY
from capplan.reasoning.published import default_laws

ROOT = Path(__file__).parents[1]
MARKDOWN = [ROOT / "README.md", *sorted(ROOT.glob("capplan/**/*.md")), *sorted(ROOT.glob("tests/**/*.md"))]
README = MARKDOWN[0].read_text("utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
FILE = re.compile(r"`((?:capplan|configs|scenarios|tests|\.github)/[\w./*-]+)`")


def identity(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def options(words: list[str]) -> set[str]:
    """Every option of a command, of its subcommands too."""
    command = built(words[0])
    parts = [command, *getattr(command, "commands", {}).values()]
    return {
        name for part in parts for parameter in part.params for name in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.parametrize("path", MARKDOWN, ids=identity)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target, anchor in LINK.findall(path.read_text("utf-8")):
        if target.startswith("http"):
            continue
        place = path.parent / target if target else path
        assert place.exists(), target
        if anchor:
            assert anchor in anchors(place), f"{target}#{anchor}"


@pytest.mark.parametrize("path", MARKDOWN, ids=identity)
def test_every_file_that_is_named_is_there(path: Path) -> None:
    prose = FENCE.sub("", path.read_text("utf-8"))
    for named in FILE.findall(prose):
        assert list(ROOT.glob(named.rstrip("/"))), named


def test_every_block_of_the_readme_is_run_or_followed_by_a_test() -> None:
    """`test_readme` runs console blocks, `test_guide` adds the files of yaml and python ones; sh is for make."""
    for kind, text in FENCE.findall(README):
        if kind == "sh":
            assert all(line.startswith("make ") for line in text.splitlines())
        elif kind in ("yaml", "python"):
            assert re.match(r"# \S+/\S+\n", text), text[:60]
        else:
            assert kind == "console" and text.startswith("$ capplan "), text[:60]


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for path in MARKDOWN:
        named = re.findall(r"(?:`|^)make ([a-z-]+)", path.read_text("utf-8"), re.MULTILINE)
        assert set(named) <= targets, path


def test_the_table_of_commands_holds_every_command_with_options_that_it_has() -> None:
    table = README.partition("| command | what it answers |")[2].partition("\n\n")[0]
    written = [cell for line in table.splitlines()[2:] for cell in re.findall(r"`([^`]+)`", line.split(" | ")[0])]
    assert {cell.split()[0] for cell in written} == set(command_names())
    for cell in written:
        words = shlex.split(re.sub(r"[][.|\\]", " ", cell))
        assert {word for word in words if word.startswith("-")} <= options(words), cell


def test_common_options_are_those_of_the_commands_that_answer_with_plans() -> None:
    for name in ("sweep", "tco", "route", "strategies", "crossover", "optimize", "simulate", "breakeven", "risk"):
        assert {"--format", "--out", "--set", "--quiet", "--no-color", "--chart"} <= options([name]), name


def test_what_the_readme_calls_from_python_is_there() -> None:
    calls = re.findall(r"`(capplan\.\w+\([^`]*\))`", README)
    assert len(calls) == 3
    names: dict[str, object] = {"capplan": capplan, "path": ROOT / "scenarios/default.yaml"}
    names["scenario"] = eval(calls[0], names)
    assert all(eval(call, names) is not None for call in calls[1:])


def test_every_exit_code_is_told() -> None:
    said = README.partition("Exit codes:")[2].partition("\n\n")[0]
    codes = {one.exit_code for one in vars(errors).values() if hasattr(one, "exit_code")} | {0, 1, BUG, INTERRUPTED}
    assert {int(code) for code in re.findall(r"(?:^|, )\s*(\d+) ", said)} == codes


def test_every_environment_variable_that_is_named_is_read() -> None:
    named = set(re.findall(r"`(CAPPLAN_\w+)`", README))
    code = "".join(path.read_text("utf-8") for path in ROOT.glob("capplan/**/*.py"))
    # `CAPPLAN_SCENARIO` and its like are put together from the keys of the settings.
    from capplan.cli._config import KEYS

    assert named and all(name in code or name.removeprefix("CAPPLAN_").lower() in KEYS for name in named)


def test_formulas_in_documents_are_run() -> None:
    """Each is an interactive session, which `pytest --doctest-glob` collects."""
    page = (ROOT / "capplan/README.md").read_text("utf-8")
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    assert sections and all(">>> " in part for part in sections)
    assert "--doctest-glob=README.md" in (ROOT / "pyproject.toml").read_text("utf-8")


def test_docstrings_name_files_that_are_there() -> None:
    """A file that was moved is not looked for where it was; NAME stands for any."""
    missing = [
        f"{identity(path)}: {found}"
        for path in ROOT.glob("capplan/**/*.py")
        for found in re.findall(
            r"(?<![\w/.])(?:tests|configs|scenarios)/[\w/.-]+\.(?:py|yaml|md)", path.read_text("utf-8")
        )
        if not (ROOT / found).exists() and "NAME" not in found
    ]
    assert not missing


def test_keys_that_are_left_out_take_what_their_meaning_says() -> None:
    page = (ROOT / "capplan/scenario/README.md").read_text("utf-8")
    laws = default_laws()
    assert f"Left out: {laws.vote_share:.0%}, as fitted".replace("%", " %") in page
    assert f"else {laws.concentration.value:g}." in page
    assert f"Left out: {100 * AVAILABILITY:g} %." in page


def test_every_column_of_a_report_is_on_the_page() -> None:
    page, keys = ((ROOT / f"capplan/{room}/README.md").read_text("utf-8") for room in ("report", "scenario"))
    for path in ROOT.glob("tests/golden/*.json"):
        for row in json.loads(path.read_text("utf-8"))["rows"]:
            # A swept key and a key of a strategy stand for themselves.
            told = [f"| `{name}` |" in page or "." in name or f"| `{name}` |" in keys for name in row]
            assert all(told), (path.name, [name for name, one in zip(row, told, strict=True) if not one])
