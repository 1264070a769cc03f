"""What the README shows is what the program prints: every console block is run and compared.

A block is ```console with lines `$ command` and, below each, all that it prints. Commands that install or test are
shown as ```sh and not run. `make golden` pastes the outputs anew.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown() -> list[tuple[str, str]]:
    """Commands of the README with the output pasted under each."""
    text = README.read_text("utf-8")
    parts = [part for block in BLOCK.findall(text) for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command.strip(), output) for command, _, output in (part.partition("\n") for part in parts)]


def printed(command: str) -> str:
    """All that a command prints, without blanks at the ends of lines."""
    program = f'"{sys.executable}" -c "from capplan.cli import run; run()"'
    line = re.sub(r"(^|\| )capplan ", rf"\1{program} ", command)
    done = subprocess.run(
        line, shell=True, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.rstrip().splitlines())


def test_the_readme_shows_the_main_commands_at_work() -> None:
    commands = " ".join(command for command, _ in shown())
    assert "capplan sweep" in commands and "capplan tco" in commands


@pytest.mark.skipif("CAPPLAN_WRITE_GOLDENS" not in os.environ, reason="only `make golden` rewrites the README")
def test_outputs_are_pasted_anew() -> None:
    text = README.read_text("utf-8")
    for command, output in shown():
        text = text.replace(f"$ {command}\n{output}", f"$ {command}\n{printed(command)}\n".rstrip("\n") + "\n", 1)
    README.write_text(text, "utf-8")


@pytest.mark.parametrize("command", [command for command, _ in shown()])
def test_the_readme_shows_what_the_program_prints(command: str) -> None:
    pasted = dict(shown())[command]
    assert printed(command).rstrip() == pasted.rstrip()
