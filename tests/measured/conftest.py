"""Rows to resolve, and the public measurements beside the checkout where they are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from capplan.engine.point import Point
from capplan.measured.points import Refusal, resolve

MEASURED = Path(__file__).parents[2].parent / "shared" / "measured" / "dev.csv"
PLAIN = {"model": "Llama 3.1 8B", "gpu": "H100", "engine": "vLLM", "load_type": "concurrency", "concurrency": "8"}


@pytest.fixture
def point() -> Callable[..., Point]:
    """A point from a plain row with some cells changed."""

    def build(**cells: str) -> Point:
        found = resolve({**PLAIN, **cells})
        assert isinstance(found, Point), found
        return found

    return build


@pytest.fixture
def refusal() -> Callable[..., str]:
    """Why a plain row with some cells changed cannot be read."""

    def build(**cells: str) -> str:
        found = resolve({**PLAIN, **cells})
        assert isinstance(found, Refusal), found
        return found.reason

    return build


@pytest.fixture(scope="session")
def measured() -> Path:
    if not MEASURED.is_file():
        pytest.skip("the table of public measurements is not beside this checkout")
    return MEASURED
