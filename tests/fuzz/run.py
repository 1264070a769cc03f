"""Coverage-guided fuzzing of one loader: `python tests/fuzz/run.py scenario --seconds 600`.

Starts from the corpus in `corpus/NAME`, mutates with libFuzzer by the branches that are reached, and ends with 1 when
anything but a UserError came out; each finding is kept in `--findings`, one a place in the code. What is worth keeping
goes into `corpus/NAME`, where `test_corpus.py` runs it ever after.
"""

import argparse
import hashlib
import re
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
# Not the formulas: atheris 3.0 keeps the result of every comparison of arrays for good, a gigabyte in twenty minutes.
FORMULAS = [f"capplan.engine.{path.stem}" for path in (ROOT / "capplan" / "engine").glob("*.py")]
WATCHED = {"include": ["capplan"], "exclude": FORMULAS, "enable_loader_override": False}
with atheris.instrument_imports(**WATCHED):
    from capplan.errors import CapplanError
    from tests.hostile.loaders import LOADERS, seeds

SLOW_S = 5.0
HUNGRY_MIB = 128.0


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("loader", choices=sorted(LOADERS))
    asked.add_argument("--seconds", type=int, default=600)
    asked.add_argument("--findings", type=Path, default=Path(tempfile.gettempdir()) / "capplan-fuzz")
    given = asked.parse_args()
    loader, folder = LOADERS[given.loader], Path(tempfile.mkdtemp())
    started, found, runs = time.monotonic(), {}, 0
    (folder / "corpus").mkdir()
    words = set()
    for seed in seeds(given.loader):
        content = seed.read_bytes()
        (folder / "corpus" / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)
        words |= set(re.findall(rb"[\w.-]{2,24}", content))
    (folder / "words").write_bytes(b"".join(b'"%s"\n' % word for word in sorted(words)[:4000]))
    path = folder / f"file{loader.suffix}"

    def once(content: bytes) -> None:
        nonlocal runs
        runs += 1
        path.write_bytes(content)
        begun, before_mib = time.process_time(), _peak_mib()
        try:
            with atheris.instrument_imports(**WATCHED):
                loader.read(path)
            where = ""
        except CapplanError as refused:
            str(refused)
            where = ""
        except BaseException as bug:
            if isinstance(bug, KeyboardInterrupt):
                raise
            where = _place(bug)
        if time.process_time() - begun > SLOW_S:
            where = where or f"slow: {time.process_time() - begun:.0f} s"
        if runs > 1 and _peak_mib() - before_mib > HUNGRY_MIB:  # the first one imports
            where = where or f"hungry: {_peak_mib() - before_mib:.0f} MiB more than ever before"
        if where and where not in found:
            kept = given.findings / given.loader / f"{hashlib.sha256(where.encode()).hexdigest()[:8]}{loader.suffix}"
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(content)
            found[where] = kept
            print(f"FOUND {where}\n      {kept}", file=sys.stderr, flush=True)
        if time.monotonic() - started > given.seconds:
            _end(given.loader, runs, found)

    arguments = [
        "-max_len=8192",
        "-rss_limit_mb=1024",
        "-timeout=60",
        f"-max_total_time={given.seconds}",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *arguments, f"-dict={folder / 'words'}", str(folder / "corpus")], once)
    atheris.Fuzz()


def _place(bug: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(bug.__traceback__) if "/capplan/" in frame.filename]
    at = frames[-1] if frames else traceback.extract_tb(bug.__traceback__)[-1]
    return f"{type(bug).__name__} at {Path(at.filename).name}:{at.lineno} {at.name}: {str(bug)[:80]!r}"


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _end(name: str, runs: int, found: dict) -> None:  # type: ignore[type-arg]
    print(f"{name}: {runs:,} runs, {len(found)} findings, {_peak_mib():.0f} MiB at most", flush=True)
    sys.stderr.flush()
    import os

    os._exit(1 if found else 0)


if __name__ == "__main__":
    main()
