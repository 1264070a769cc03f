"""What the fuzzer began with and what it found once: each file is read, or refused as a UserError."""

from pathlib import Path

import pytest

from capplan.errors import CapplanError
from tests.hostile.loaders import LOADERS, SEEDS

FILES = sorted(path for path in SEEDS.glob("*/*") if path.is_file())


def test_every_loader_has_a_corpus() -> None:
    assert {path.parent.name for path in FILES} == set(LOADERS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_of_the_corpus_is_read_or_refused(path: Path) -> None:
    try:
        LOADERS[path.parent.name].read(path)
    except CapplanError as refused:
        assert str(refused) and refused.exit_code != 70
