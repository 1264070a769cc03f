"""Running the program as a user does: through a pipe, or in a terminal of some width."""

import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-c", "from capplan.cli import run; run()"]
# What a shell may have set and a test must not depend on.
SHELL = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "CAPPLAN_DEBUG", "CAPPLAN_CATALOG")
CLEAN = {key: value for key, value in os.environ.items() if key not in SHELL} | {"TERM": "xterm-256color"}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def program() -> list[str]:
    """How the program is started."""
    return list(PROGRAM)


@pytest.fixture
def clean() -> dict[str, str]:
    """The environment without what a shell may have set."""
    return dict(CLEAN)


@pytest.fixture
def capplan() -> Run:
    """`capplan(*arguments, cwd=..., env=...)` on pipes."""

    def run(*arguments: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *map(str, arguments)],
            cwd=cwd,
            env=CLEAN | (env or {}),
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@dataclass(frozen=True)
class Screen:
    """What a terminal showed, and how the program ended."""

    text: str
    returncode: int


@pytest.fixture
def terminal() -> Callable[..., Screen]:
    """`terminal(*arguments, width=80)`: the same on a terminal, stdout and stderr together."""

    def run(*arguments: str, width: int = 80, env: dict[str, str] | None = None) -> Screen:
        main, side = pty.openpty()
        ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        process = subprocess.Popen(
            [*PROGRAM, *arguments], cwd=ROOT, env=CLEAN | (env or {}), stdin=side, stdout=side, stderr=side
        )
        os.close(side)
        shown = b""
        while chunk := _read(main):
            shown += chunk
        os.close(main)
        return Screen(shown.decode().replace("\r\n", "\n"), process.wait(timeout=60))

    return run


def _read(descriptor: int) -> bytes:
    """The next bytes, or none: a terminal whose program has ended gives an error in place of an end."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
