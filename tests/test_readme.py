"""What the README shows is what the program prints: every console block is run and compared.

A block is ```console with lines `$ command` and, below each, all that it prints. `...` alone on a line stands for any
lines. Commands that install or test are shown as ```sh and not run.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown() -> list[tuple[str, str]]:
    """Commands of the README with the output pasted under each."""
    text = (ROOT / "README.md").read_text("utf-8")
    parts = [part for block in BLOCK.findall(text) for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command.strip(), output) for command, _, output in (part.partition("\n") for part in parts)]


def matches(pasted: str, printed: str) -> bool:
    """Whether the output is as pasted, where a line of `...` stands for any lines; trailing blanks do not count."""
    lines = [line.rstrip() for line in pasted.rstrip().splitlines()]
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in lines)
    text = "".join(f"{line.rstrip()}\n" for line in printed.rstrip().splitlines())
    return re.fullmatch(pattern, text) is not None


def test_the_readme_shows_the_main_commands_at_work() -> None:
    commands = " ".join(command for command, _ in shown())
    assert "capplan sweep" in commands and "capplan tco" in commands


@pytest.mark.parametrize(("command", "output"), shown(), ids=lambda value: value[:60])
def test_the_readme_shows_what_the_program_prints(command: str, output: str) -> None:
    program = f'"{sys.executable}" -c "from capplan.cli.main import run; run()"'
    line = re.sub(r"(^|\| )capplan ", rf"\1{program} ", command)
    done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert matches(output, done.stdout + done.stderr), f"$ {command}\n{done.stdout}{done.stderr}"


def test_dots_stand_for_lines_and_for_nothing_else() -> None:
    assert matches("a\n...\nd\n", "a\nb\nc\nd\n") and matches("a\n...\n", "a\n")
    assert not matches("a\n...\nd\n", "a\nb\n") and not matches("a\n", "a\nb\n") and not matches("a.\n", "ab\n")
