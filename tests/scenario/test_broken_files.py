"""Each broken file, and exactly what is said about it. `NAME.txt` beside `NAME.yaml` holds the message."""

from pathlib import Path

import pytest

from capplan.scenario.faults import ScenarioFaults
from capplan.scenario.loader import load

FOLDER = Path(__file__).parent / "broken"
FILES = sorted(FOLDER.glob("*.yaml"))


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= 100


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_broken_file_gets_exactly_its_message(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(ScenarioFaults) as raised:
        load(path.name)
    assert str(raised.value) == path.with_suffix(".txt").read_text(encoding="utf-8").removesuffix("\n")
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_caret_stands_under_the_place_that_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(ScenarioFaults) as raised:
        load(path.name)
    for fault in raised.value.faults:
        shown = str(fault).splitlines()
        if len(shown) == 3:
            _, snippet, caret = shown
            number, text = snippet.split(" | ", 1)
            assert int(number) == fault.line
            assert caret.index("^") - len(number) - 3 == fault.column - 1
            assert fault.column <= len(text) + 1


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ScenarioFaults, match="cannot be read: No such file"):
        load(tmp_path / "nowhere.yaml")


def test_a_folder_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ScenarioFaults, match="a folder, not a file"):
        load(tmp_path)


def test_a_file_of_many_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"# " + b"x" * 30_000_000)
    with pytest.raises(ScenarioFaults, match="more than 256 KiB"):
        load(path)


def test_a_path_with_a_null_byte_is_a_fault() -> None:
    with pytest.raises(ScenarioFaults, match="cannot be read"):
        load("scen\0ario.yaml")
