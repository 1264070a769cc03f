"""What tests of several folders need."""

from collections.abc import Iterator

import pytest

from tests.program import Forks


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Runs of the program that cost no start."""
    one = Forks()
    yield one
    one.close()
