"""A browser without a screen."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--hide-scrollbars", "--enable-logging=stderr")  # fmt: skip
Chromium = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def chromium(tmp_path: Path) -> Chromium:
    """`chromium(text, *flags)`: a page opened from its file, and what the browser said."""
    browser = next((found for name in NAMES if (found := shutil.which(name))), "")
    if not browser:
        pytest.skip("no chromium here: apt-get install chromium")

    def run(text: str, *flags: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "page.html"
        file.write_text(text, encoding="utf-8")
        return subprocess.run(
            [browser, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", *flags, file.as_uri()],
            capture_output=True, text=True, timeout=120, env=os.environ | {"HOME": str(tmp_path)},
        )  # fmt: skip

    return run
