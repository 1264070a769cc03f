"""Every hostile content in every loader, in every kind of file: it is read or refused, soon and in little memory."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from capplan.errors import CapplanError
from tests.hostile.contents import ANY, FIGURES, HUGE
from tests.hostile.loaders import LOADERS, ROOT, seeds

SOON_S = 20
MOST_MEMORY_KIB = 1 << 20


@contextmanager
def soon(seconds: int = SOON_S) -> Iterator[None]:
    """Fails what takes longer."""

    def late(*_: object) -> None:
        raise TimeoutError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def said(name: str, path: Path) -> str:
    """What a loader says about a file, '' where it takes it; anything but a CapplanError comes through."""
    try:
        with soon():
            LOADERS[name].read(path)
    except CapplanError as refused:
        assert refused.exit_code in (2, 3, 4), refused
        return str(refused)
    return ""


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("content", ANY.values(), ids=ANY)
def test_a_hostile_content_is_read_or_refused(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"file{LOADERS[name].suffix}"
    path.write_bytes(content)
    refusal = said(name, path)
    assert len(refusal) < 60_000, "a message is to be read"


# The last record of a journal may be cut off, so that half of one is none.
@pytest.mark.parametrize("name", [name for name in LOADERS if name != "journal"])
def test_what_holds_no_data_is_refused_with_the_files_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"file{LOADERS[name].suffix}"
    for key in ("zero bytes", "random bytes", "an executable", "half a letter", "brackets", "a page of HTML"):
        path.write_bytes(ANY[key])
        assert path.name in said(name, path), key


def _as_folder(path: Path) -> None:
    path.mkdir()


def _as_loop(path: Path) -> None:
    path.symlink_to(path.with_name("other"))
    path.with_name("other").symlink_to(path)


def _as_dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _as_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _as_endless_text(path: Path) -> None:
    path.symlink_to("/dev/urandom")


def _as_unreadable(path: Path) -> None:
    path.write_text("version: 1\n")
    path.chmod(0)


def _as_nothing(path: Path) -> None:
    assert not path.exists()


PLACES: dict[str, Callable[[Path], None]] = {
    "a folder": _as_folder,
    "a loop of links": _as_loop,
    "a link to nowhere": _as_dangling,
    "a device without an end": _as_device,
    "another": _as_endless_text,
    "a pipe without a writer": os.mkfifo,
    "a file that may not be read": _as_unreadable,
    "nothing": _as_nothing,
}


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_what_is_no_file_is_refused_with_its_name(name: str, place: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / f"file{LOADERS[name].suffix}"
    place(path)
    refusal = said(name, path)
    if os.access(path, os.R_OK) and path.is_file():
        return  # for root there is no such thing as a file that may not be read
    assert path.name in refusal


@pytest.mark.parametrize("name", ["scenario", "policy", "report", "curve", "prices-csv", "trace-csv"])
def test_a_pipe_with_a_writer_is_read_as_a_file_is(name: str, tmp_path: Path) -> None:
    content, path = next(seeds(name)).read_bytes(), tmp_path / f"file{LOADERS[name].suffix}"
    path.write_bytes(content)
    assert said(name, path) == ""
    path.unlink()
    os.mkfifo(path)
    both_ends = os.open(path, os.O_RDWR)
    os.write(both_ends, content)
    later = threading.Timer(0.5, os.close, [both_ends])
    later.start()
    assert said(name, path) == ""
    later.join()


def altered(content: str, suffix: str) -> Iterator[tuple[str, str]]:
    """A file that is right, with one of its figures replaced: (which and by what, the text)."""
    if suffix in (".json", ".jsonl"):
        spots = [
            match.span(1) for match in re.finditer(r'[:\[,]\s*("[^"]*"|-?[\d.]+(?:e-?\d+)?|true|false|null)', content)
        ]
    elif suffix == ".csv":
        spots = [match.span() for match in re.finditer(r"[^,\n]+", content)]
    else:
        spots = [match.span(1) for match in re.finditer(r"(?:: |- |\[|, )([^\s\[\]{},#:][^\[\]{},#\n]*)", content)]
    for start, end in spots:
        for figure in FIGURES:
            written = json.dumps(figure) if suffix in (".json", ".jsonl") and not _is_literal(figure) else figure
            yield f"{content[start:end]!r} -> {figure[:30]!r}", content[:start] + written + content[end:]


def _is_literal(figure: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?|NaN|Infinity|true|null|\[.*\]|\{\}", figure))


@pytest.mark.parametrize("name", LOADERS)
def test_a_good_file_with_one_figure_gone_mad_is_read_or_refused(name: str, tmp_path: Path) -> None:
    suffix = LOADERS[name].suffix
    path = tmp_path / f"file{suffix}"
    good = [seed for seed in seeds(name) if seed.parent.name == name and seed.stat().st_size < 9000]
    mad = [one for seed in good for one in altered(seed.read_text("utf-8", errors="replace"), suffix)]
    bugs = []
    # A prime number of steps meets every figure and every spot sooner or later, though not each with each.
    for what, text in mad[:: next(step for step in PRIMES if len(mad) / step < MOST_ALTERED)]:
        path.write_text(text, "utf-8")
        try:
            said(name, path)
        except Exception as bug:
            bugs.append(f"{what}: {type(bug).__name__}: {bug}")
    assert not bugs, "\n".join(bugs[:20])


MOST_ALTERED = 300
PRIMES = (1, 2, 3, 5, 7, 11, 13, 17, 23, 29, 37, 43, 53, 61, 71, 83, 97, 127, 163, 211)


@pytest.mark.parametrize("name", [name for name, loader in LOADERS.items() if loader.command])
@pytest.mark.parametrize("mib", [15, 100])
def test_files_of_many_megabytes_are_refused_or_read_in_less_than_a_gigabyte(
    name: str, mib: int, tmp_path: Path
) -> None:
    suffix = LOADERS[name].suffix
    path = tmp_path / f"file{suffix}"
    for head, block, tail in HUGE[suffix]:
        with path.open("wb") as file:
            file.write(head)
            for _ in range(mib):
                file.write(block * ((1 << 20) // len(block)))
            file.write(tail)
        # A trace is read only: serving millions of requests that come at once is honest work, and long.
        command = [word.replace("FILE", str(path)) for word in LOADERS[name].command.split()]
        work = [READ, name, str(path)] if name.startswith("trace") else [MEASURED, *command]
        done = subprocess.run([sys.executable, "-c", *work], cwd=ROOT, capture_output=True, text=True, timeout=120)
        code, peak_kib = map(int, done.stdout.splitlines()[-1].split())
        assert code in (0, 2), done.stderr[-2000:]
        assert peak_kib < MOST_MEMORY_KIB, f"{peak_kib >> 10} MiB for {block!r}"


MEASURED = """
import resource, sys
from capplan.cli.main import code_of
code = code_of(sys.argv[1:])
print()
print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

READ = """
import resource, sys
from pathlib import Path
from capplan.errors import CapplanError
from tests.hostile.loaders import LOADERS
code = 0
try:
    LOADERS[sys.argv[1]].read(Path(sys.argv[2]))
except CapplanError:
    code = 2
print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
