"""The frame of the command line: help, usage errors, versions, pipes and bugs."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from capplan.cli.main import command_names, sentence

Strings = list[str]
Environment = dict[str, str]
HEAVY = ("numpy", "pint", "scipy", "vl_convert", "pydantic", "rich.table", "rich.console", "yaml", "jinja2")


def test_help_lists_every_command_with_its_sentence(capplan) -> None:
    shown = " ".join(capplan("--help").stdout.split())
    for name in command_names():
        assert f"{name} {sentence(name)}" in shown


def loaded_by(words: Strings, environment: Environment) -> set[str]:
    """Names of the modules that a command imports."""
    code = f"from capplan.cli.main import code_of; import sys; code_of({words}); "
    listing = [sys.executable, "-c", f"{code}print(*sys.modules, sep=chr(10), file=sys.stderr)"]
    return set(subprocess.run(listing, capture_output=True, text=True, env=environment).stderr.split())


def test_help_loads_nothing_heavy(clean: Environment) -> None:
    loaded = loaded_by(["--help"], clean)
    assert "typer" in loaded
    assert not loaded & set(HEAVY)


def test_a_plan_loads_nothing_that_it_does_not_use(clean: Environment) -> None:
    loaded = loaded_by(["tco", "--qps", "100", "--k", "8", "--quiet"], clean)
    assert "numpy" in loaded
    assert not loaded & {"pydantic", "pint", "scipy", "jinja2", "vl_convert", "numpy.random"}
    assert not [
        name
        for name in loaded
        if re.match(r"capplan\.(simulate|measured|reasoning\.(published|accuracy\.base))\b", name)
    ]


def test_a_sweep_loads_nothing_that_it_does_not_use(clean: Environment) -> None:
    loaded = loaded_by(["sweep", "scenarios/cot-k-sweep.yaml", "--quiet"], clean)
    assert "capplan.search.sweep" in loaded
    assert not loaded & {"pydantic", "pint", "scipy", "jinja2", "vl_convert", "numpy.random", "concurrent.futures"}


def test_an_option_that_is_typed_is_still_held_to_its_range(capplan) -> None:
    for wrong in ("0", "many"):
        done = capplan("sweep", "scenarios/cot-k-sweep.yaml", "--jobs", wrong)
        assert done.returncode == 2 and "--jobs" in done.stderr, done.stderr


def test_help_is_there_at_once(program: Strings, clean: Environment) -> None:
    def least(*program: str) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run(program, capture_output=True, env=clean)
            times.append(time.perf_counter() - start)
        return min(times)

    # Relative to what any typer program takes, so that a busy machine does not fail it.
    assert least(*program, "--help") < 2.5 * least(sys.executable, "-c", "import typer")


@pytest.mark.parametrize("name", command_names())
def test_every_command_says_one_sentence_and_gives_an_example(capplan, name: str) -> None:
    done = capplan(name, "--help")
    assert done.returncode == 0, done.stderr
    assert " ".join(done.stdout.split()).count(sentence(name)) == 1
    assert sentence(name).endswith((".", "?"))
    assert f"$ capplan {name}" in done.stdout


def test_the_version_is_the_packages(capplan) -> None:
    from capplan import __version__

    assert capplan("--version").stdout == f"capplan {__version__}\n"


def test_a_mistyped_command_is_wrong_usage_with_a_suggestion(capplan) -> None:
    done = capplan("swep")
    assert done.returncode == 2 and done.stdout == ""
    assert "'sweep'" in done.stderr


def test_an_unknown_option_is_wrong_usage(capplan) -> None:
    done = capplan("schema", "--colour")
    assert done.returncode == 2 and "--colour" in done.stderr and "Traceback" not in done.stderr


def test_no_command_at_all_shows_the_help(capplan) -> None:
    done = capplan()
    assert done.returncode == 2 and "Commands:" in done.stderr + done.stdout


def test_a_reader_who_leaves_early_gets_no_complaint(program: Strings, clean: Environment) -> None:
    process = subprocess.Popen(
        [*program, "schema", "report"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean
    )
    assert process.stdout and process.stderr
    process.stdout.close()
    complaint = process.stderr.read()
    assert (process.wait(timeout=30), complaint) == (0, b"")
    process.stderr.close()


BUGGY = """
import capplan.cli.schema as schema
def broken(**_): raise {error}
schema._report = broken
import sys; sys.argv = ['capplan', 'schema', 'report']
from capplan.cli import run; run()
"""


def test_a_bug_of_ours_is_one_message_and_exit_70(clean: Environment) -> None:
    program = [sys.executable, "-c", BUGGY.format(error="ZeroDivisionError('no queries')")]
    done = subprocess.run(program, capture_output=True, text=True, env=clean)
    assert done.returncode == 70 and "Traceback" not in done.stderr
    assert "a bug of ours: ZeroDivisionError: no queries" in done.stderr and "report it" in done.stderr
    debugged = subprocess.run(program, capture_output=True, text=True, env=clean | {"CAPPLAN_DEBUG": "1"})
    assert "Traceback" in debugged.stderr


@pytest.mark.parametrize(("error", "code"), [("UserError", 2), ("InfeasibleError", 3), ("PriceError", 4)])
def test_every_family_of_errors_has_its_exit_code(clean: Environment, error: str, code: int) -> None:
    program = [
        sys.executable,
        "-c",
        f"import capplan.errors as e\n{BUGGY.format(error=f'e.{error}(chr(27) + chr(91) + chr(109) + str(5))')}",
    ]
    done = subprocess.run(program, capture_output=True, text=True, env=clean)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "[m5\n")


def test_an_interrupt_ends_quietly(clean: Environment) -> None:
    program = [sys.executable, "-c", BUGGY.format(error="KeyboardInterrupt")]
    done = subprocess.run(program, capture_output=True, text=True, env=clean)
    assert done.returncode == 130 and "Traceback" not in done.stderr


def test_an_ascii_terminal_loses_letters_and_not_the_answer(capplan) -> None:
    done = capplan("schema", "report", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr


def test_output_goes_to_a_file_whole_and_readable(capplan, tmp_path: Path) -> None:
    out = tmp_path / "schema.json"
    done = capplan("schema", "report", "-o", out)
    assert (done.returncode, done.stdout) == (0, "")
    assert out.read_text().startswith("{") and out.stat().st_mode & 0o044
    assert [path.name for path in tmp_path.iterdir()] == ["schema.json"]


def test_a_scenario_is_never_written_over(capplan, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("version: 1\n")
    done = capplan("schema", "report", "-o", mine)
    assert done.returncode == 2 and "would overwrite a scenario" in done.stderr
    assert mine.read_text() == "version: 1\n"


def test_a_folder_that_is_not_there_is_said_and_leaves_nothing(capplan, tmp_path: Path) -> None:
    done = capplan("schema", "report", "-o", tmp_path / "no" / "a.json")
    assert done.returncode == 2 and "cannot write" in done.stderr and not list(tmp_path.iterdir())
