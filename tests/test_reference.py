"""The reference pages beside the code say what the code says."""

import os
from pathlib import Path

import pytest

from tests.reference import ROOT, pages

PAGES = pages()


@pytest.mark.skipif("CAPPLAN_WRITE_GOLDENS" not in os.environ, reason="only `make golden` rewrites the pages")
def test_pages_are_written_anew() -> None:
    for path, text in PAGES.items():
        path.write_text(text, "utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_is_what_the_code_says(path: Path) -> None:
    assert path.read_text("utf-8") == PAGES[path], "run `make golden`"
