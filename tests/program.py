"""The program as a shell would start it, and sooner: each run is a fork of one process that has imported all of it.

A start from nothing costs five times what most commands do. A test of the start itself, of its streams or of signals
takes `PROGRAM`, and so does any run with an environment that Python reads as it starts.
"""

import atexit
import gc
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

ROOT = Path(__file__).parents[1]
PROGRAM = [sys.executable, "-c", "from capplan.cli import run; run()"]
# What a shell may have set and a test must not depend on.
_SHELL = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "CAPPLAN_DEBUG", "CAPPLAN_CATALOG")
CLEAN = {key: value for key, value in os.environ.items() if key not in _SHELL} | {"TERM": "xterm-256color"}
# Settings that Python takes from the environment once, as it starts.
_OF_THE_START = ("PYTHON", "LC_", "LANG")
# What commands import where they use it.
_LATE = ("rich.console", "rich.table", "jinja2", "pydantic", "scipy.optimize", "scipy.stats")
_LONGEST_S = 60
_LONGEST_REQUEST_BYTES = 1 << 16

Done = subprocess.CompletedProcess[str]
Environment = dict[str, str]


@contextmanager
def started(words: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A start from nothing that hears Ctrl-C, also where the tests run in the background, and ends with the test."""
    with subprocess.Popen(
        words, cwd=ROOT, env=CLEAN, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=_hears,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def _hears() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Forks:
    """Runs the program in forks of a process that is started with the first of them."""

    _server: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: object, cwd: Path = ROOT, env: Environment | None = None) -> Done:
        """What the program prints where no terminal is, and its exit code."""
        words = [str(word) for word in arguments]
        if any(key.startswith(_OF_THE_START) for key in env or ()):
            whole = CLEAN | (env or {})
            return subprocess.run(
                [*PROGRAM, *words], cwd=cwd, env=whole, capture_output=True, text=True, timeout=_LONGEST_S
            )
        with Path(os.devnull).open() as nothing, TemporaryFile() as out, TemporaryFile() as err:
            self.start(words, (nothing.fileno(), out.fileno(), err.fileno()), cwd, env)
            code = self.code()
            return Done(words, code, _text(out), _text(err))

    def start(
        self, arguments: Sequence[str], streams: tuple[int, int, int], cwd: Path = ROOT, env: Environment | None = None
    ) -> None:
        """Starts the program on three descriptors, which may be closed at once; `code` waits for its end."""
        if self._server is None:
            self._line, theirs = socket.socketpair()
            with theirs:
                command = [sys.executable, "-P", __file__, str(theirs.fileno())]
                one_thread = CLEAN | {"OPENBLAS_NUM_THREADS": "1"}
                self._server = subprocess.Popen(command, env=one_thread, pass_fds=[theirs.fileno()])
        request = json.dumps({"arguments": list(arguments), "cwd": str(cwd), "env": CLEAN | (env or {})}).encode()
        assert len(request) < _LONGEST_REQUEST_BYTES
        socket.send_fds(self._line, [request], streams)

    def code(self) -> int:
        """The exit code of what was started; below nought a signal's number, as of any process."""
        return int(self._line.recv(16))

    def close(self) -> None:
        """Ends the process that forks."""
        if self._server is not None:
            self._line.close()
            self._server.wait()


def _text(stream: Any) -> str:
    stream.seek(0)
    return stream.read().decode()


def _serve(line: socket.socket) -> None:
    """Forks at every request, until nobody asks any more. Comes back in each fork, which is a program just started."""
    while True:
        request, streams, _, _ = socket.recv_fds(line, _LONGEST_REQUEST_BYTES, 3)
        if not request:
            sys.exit()
        child = os.fork()
        if not child:
            line.close()
            return _become(json.loads(request), streams)
        for stream in streams:
            os.close(stream)
        line.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _become(asked: dict[str, Any], streams: Sequence[int]) -> None:
    signal.alarm(_LONGEST_S)
    for stream, place in zip(streams, (0, 1, 2), strict=True):
        os.dup2(stream, place)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(place, mode) for place, mode in enumerate("rww"))
    sys.stderr.reconfigure(errors="backslashreplace", line_buffering=True)
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    os.chdir(asked["cwd"])
    sys.argv = ["capplan", *asked["arguments"]]


def _import_all() -> None:
    package = import_module("capplan")
    for name in (*(module.name for module in pkgutil.walk_packages(package.__path__, "capplan.")), *_LATE):
        import_module(name)
    gc.freeze()


if __name__ == "__main__":
    _import_all()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from capplan.cli import run

    try:
        run()
    except SystemExit as left:
        # Python would take all modules apart, which costs more than a command.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(left.code)
