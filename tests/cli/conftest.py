"""Running the program as a user does: through a pipe, or in a terminal of some width."""

import os
import pty
import struct
import termios
from collections.abc import Callable
from dataclasses import dataclass
from fcntl import ioctl

import pytest

from tests.program import CLEAN, PROGRAM, Done, Forks

Run = Callable[..., Done]


@pytest.fixture
def program() -> list[str]:
    """How the program is started."""
    return list(PROGRAM)


@pytest.fixture
def clean() -> dict[str, str]:
    """The environment without what a shell may have set."""
    return dict(CLEAN)


@pytest.fixture
def capplan(forks: Forks) -> Run:
    """`capplan(*arguments, cwd=..., env=...)` through a pipe."""
    return forks.run


@dataclass(frozen=True)
class Screen:
    """What a terminal showed, and how the program ended."""

    text: str
    returncode: int


@pytest.fixture
def terminal(forks: Forks) -> Callable[..., Screen]:
    """`terminal(*arguments, width=80)`: the same on a terminal, stdout and stderr together."""

    def run(*arguments: str, width: int = 80, env: dict[str, str] | None = None) -> Screen:
        main, side = pty.openpty()
        ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        forks.start(arguments, (side, side, side), env=env)
        os.close(side)
        shown = b""
        while chunk := _read(main):
            shown += chunk
        os.close(main)
        return Screen(shown.decode().replace("\r\n", "\n"), forks.code())

    return run


def _read(descriptor: int) -> bytes:
    """The next bytes, or none: a terminal whose program has ended gives an error in place of an end."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
