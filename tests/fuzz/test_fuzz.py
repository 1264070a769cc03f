"""A second of coverage-guided fuzzing of every loader; `make fuzz` runs each for ten minutes."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.loaders import LOADERS

SECONDS = 1


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed here")
@pytest.mark.parametrize("name", LOADERS)
def test_a_short_run_finds_nothing(name: str, tmp_path: Path) -> None:
    command = [sys.executable, Path(__file__).with_name("run.py"), name]
    given = ["--seconds", str(SECONDS), "--findings", tmp_path]
    done = subprocess.run([*command, *given], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
