"""Outputs that end, are full or are closed, and a reader who has seen enough."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.program import ROOT, started

SWEEP = ["sweep", "scenarios/cot-k-sweep.yaml"]


def shell(line: str, program: list[str], clean: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A line of bash in which CAPPLAN is the program."""
    line = line.replace("CAPPLAN", " ".join(f"'{word}'" for word in program))
    return subprocess.run(["bash", "-c", line], cwd=ROOT, env=clean, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", ["sweep scenarios/cot-k-sweep.yaml", "--help", "--version", "catalog list models"])
@pytest.mark.parametrize(
    ("stream", "codes"),
    [("> /dev/full", (2,)), (">&-", (0,)), ("| head -n 1; exit ${PIPESTATUS[0]}", (0,)), ("2>&- > /dev/null", (0,))],
)
def test_an_output_that_takes_nothing_ends_quietly(
    command: str, stream: str, codes: tuple[int, ...], program: list[str], clean: dict[str, str]
) -> None:
    done = shell(f"CAPPLAN {command} {stream}", program, clean)
    assert done.returncode in codes, done.stderr
    assert "Traceback" not in done.stderr and "bug" not in done.stderr and "Exception" not in done.stderr


def test_a_message_that_cannot_be_told_leaves_the_exit_code(program: list[str], clean: dict[str, str]) -> None:
    for stream in ("2> /dev/full", "2>&-"):
        assert shell(f"CAPPLAN tco nowhere.yaml {stream}", program, clean).returncode == 2


def test_a_file_that_cannot_be_written_whole_leaves_what_was_there(
    tmp_path: Path, program: list[str], clean: dict[str, str]
) -> None:
    out = tmp_path / "report.json"
    out.write_text("what was")
    done = shell(f"trap '' XFSZ; ulimit -f 1; CAPPLAN sweep scenarios/cot-k-sweep.yaml -o {out}", program, clean)
    assert done.returncode == 2 and f"{out}: cannot write" in done.stderr
    assert out.read_text() == "what was" and list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("place", ["/dev/full", "/nowhere/report.json", "/proc/report.json"])
def test_a_place_that_takes_no_file_is_told(place: str, program: list[str], clean: dict[str, str]) -> None:
    done = shell(f"CAPPLAN tco -f json -o {place}", program, clean)
    assert done.returncode == 2 and f"{place}: cannot write" in done.stderr


def test_a_device_and_a_link_are_written_to_and_stay_what_they_are(
    tmp_path: Path, program: list[str], clean: dict[str, str]
) -> None:
    link, target = tmp_path / "link.json", tmp_path / "target.json"
    link.symlink_to(target)
    assert shell(f"CAPPLAN tco -o {link}", program, clean).returncode == 0
    assert link.is_symlink() and target.read_text().startswith("{")
    os.mkfifo(tmp_path / "pipe.json")
    assert shell(f"CAPPLAN tco -o {tmp_path / 'pipe.json'}", program, clean).returncode == 2
    read = shell(f"cat {tmp_path / 'pipe.json'} & sleep 0.2; CAPPLAN tco -o {tmp_path / 'pipe.json'}", program, clean)
    assert read.returncode == 0 and read.stdout.startswith("{")


# Interrupts itself as soon as some module is looked for.
INTERRUPTED = """
import os, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
from capplan.cli import run
run()
"""


@pytest.mark.parametrize("module", ["typer", "capplan.cli._config", "capplan.cli.tco", "numpy", "capplan.report"])
def test_an_interrupt_while_the_program_still_loads_is_quiet(
    module: str, program: list[str], clean: dict[str, str]
) -> None:
    code = INTERRUPTED.format(module=module)
    done = subprocess.run([program[0], "-c", code, "tco"], cwd=ROOT, env=clean, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("after_s", [1.5, 3.0])
def test_an_interrupt_ends_at_once_without_a_traceback(after_s: float, tmp_path: Path, program: list[str]) -> None:
    out = tmp_path / "worlds.json"
    command = [*program, "risk", "scenarios/risk-support.yaml", "--worlds", "300000", "-o", str(out)]
    with started(command) as process:
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode in (130, 0), said
    assert "Traceback" not in said
    # What was finished waits for --resume, whole; the report itself is there only where the run was done.
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"worlds.json.part"} or process.returncode == 0
