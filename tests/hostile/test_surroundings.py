"""What lies around the program: streams, folders, limits, signals; each is answered or told, and leaves nothing."""

import io
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor
from pathlib import Path

import pytest

from capplan.cli.main import code_of
from capplan.errors import UserError
from capplan.report.charts import draw
from capplan.search.workers import Crew
from capplan.writing import write_file
from tests.program import PROGRAM, ROOT, started


@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME"])
@pytest.mark.parametrize("place", ["", "~", "/nowhere", "/dev/null", "/" + "x" * 300, "\udcff"])
def test_settings_that_cannot_be_looked_for_are_none(
    variable: str, place: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv(variable, place)
    assert code_of(["init", "--print"]) == 0, capfd.readouterr().err


def test_a_working_directory_that_is_gone_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    assert code_of(["init", "--print"]) == 0
    assert code_of(["tco", "chat.yaml"]) == 2
    assert code_of(["schema", "-o", "schema.json"]) == 2
    assert "bug" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "line", ["validate ?", "tco ?", "tco --model ?", "tco --set model=?", "diff a b --policy ?", "catalog show ?"]
)
def test_a_word_that_is_empty_does_not_pass_for_the_default(line: str, capfd: pytest.CaptureFixture[str]) -> None:
    """`capplan tco "$SCENARIO"` with the variable not set."""
    assert code_of([word.replace("?", "") for word in line.split()]) == 2
    assert "nothing is given" in capfd.readouterr().err


@pytest.mark.parametrize("line", ["tco -f json -o -", "deploy -o -", "init -", "predict -", "simulate --trace -"])
def test_a_dash_becomes_no_file(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert code_of(line.split()) == 2 and not list(tmp_path.iterdir())
    assert "'-' is no file here" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["-", "..", "/", "_"])
def test_a_name_without_a_letter_names_nothing(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert code_of(["catalog", "show", name]) == 2
    assert f"no '{name}' in the catalogue" in capfd.readouterr().err


def test_a_file_that_may_not_be_looked_at_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "locked/plan.json")

    monkeypatch.setattr("capplan.report.diff.sides.read", refused)
    assert code_of(["diff", "locked/plan.json", "plan.json"]) == 2
    assert capfd.readouterr().err == "locked/plan.json: Permission denied\n"


def test_letters_that_are_none_in_utf_8_are_spelled_out(tmp_path: Path) -> None:
    write_file(tmp_path / "a.md", "model: \udcff")
    assert (tmp_path / "a.md").read_text() == "model: \\udcff"


@pytest.mark.parametrize(
    "line",
    [
        "tco --set reasoning.k=[\udcff]",
        "diff scenarios/default.yaml scenarios/default.yaml --scenario scenarios",
    ],
)
def test_what_is_no_text_and_what_is_no_file_is_refused(
    line: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert code_of(line.split()) == 2, capfd.readouterr().err


def test_a_config_under_a_name_that_is_no_text_is_imported(tmp_path: Path) -> None:
    from tests.hostile.loaders import SEEDS

    file = tmp_path / "\udcff.json"
    file.write_bytes((SEEDS / "config" / "llama.json").read_bytes())
    asked = ["catalog", "import", str(file), "--on", "2026-11-21", "--name", "mine", "--to", str(tmp_path / "own")]
    assert code_of(asked) == 0
    assert "udcff.json" in (tmp_path / "own" / "models" / "mine.yaml").read_text()


CLOSED = """
import os
from capplan.cli.main import _open_standard_streams
os.closerange(0, 3)
_open_standard_streams()
right = all(os.path.samestat(os.fstat(n), os.stat(os.devnull)) for n in range(3))
os._exit(0 if right and os.open(".", os.O_RDONLY) > 2 else 1)
"""


def test_a_closed_stream_lends_its_number_to_no_file() -> None:
    assert subprocess.run([sys.executable, "-c", CLOSED]).returncode == 0


class _Broken(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


def test_wrong_usage_that_nobody_can_be_told_keeps_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", _Broken())
    assert code_of(["nonsense"]) == code_of(["tco", "--nonsense"]) == 2


def test_a_lack_of_memory_is_no_bug(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def none_left(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("capplan.scenario.loader.load", none_left)
    assert code_of(["tco"]) == 2
    assert capfd.readouterr().err.startswith("not enough memory")


def test_an_interrupt_that_python_wraps_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrapped(*_: object) -> None:
        raise RuntimeError("Error calling __set_name__ on 'Field' instance 'k' in 'Plan'") from KeyboardInterrupt()

    monkeypatch.setattr("capplan.scenario.loader.load", wrapped)
    assert code_of(["tco"]) == 130


def test_charts_are_left_out_where_what_draws_them_would_take_the_program_down(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(draw, "_address_space", lambda: 8 << 30)
    monkeypatch.chdir(ROOT)
    assert code_of(["report", "-o", str(tmp_path / "page.html")]) == 0
    assert "no charts: charts need 68 GiB of address space" in capfd.readouterr().err
    assert "<svg" not in (tmp_path / "page.html").read_text()


class _Panic(BaseException):
    __module__ = "pyo3_runtime"


def test_a_panic_of_what_draws_is_told_in_a_sentence() -> None:
    def panics(_: object) -> None:
        raise _Panic("failed to spawn\nthread")

    with pytest.raises(UserError, match=r"cannot be drawn here \(failed to spawn thread\)"):
        draw._drawn(panics, {})


def _none() -> Executor:
    raise BlockingIOError(11, "Resource temporarily unavailable")


def test_workers_that_cannot_be_started_are_told() -> None:
    with pytest.raises(UserError, match="no workers can be started here"):
        Crew(_none, (), "runs", False).map(abs, [1, 2])


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_workers_end_with_the_program_that_started_them(number: int, status: int, tmp_path: Path) -> None:
    out = tmp_path / "worlds.json"
    command = ["risk", "scenarios/risk-support.yaml", "--worlds", "300000", "--jobs", "2", "-o", str(out)]
    with started([*PROGRAM, *command]) as program:
        while program.poll() is None and not out.with_name("worlds.json.part").exists():
            time.sleep(0.01)
        program.send_signal(number)
        program.communicate(timeout=20)  # stderr ends when the last process that could write to it does
    assert program.returncode == status
