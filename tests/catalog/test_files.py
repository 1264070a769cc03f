"""Catalogue files: found by any spelling, read as text, refused with file and line, and the user's own come first."""

from pathlib import Path

import pytest

from capplan.catalog import files
from capplan.catalog.figures import MissingFigure, entry, figures
from capplan.catalog.files import CatalogError, UnknownName, find, load_yaml, names, parse_yaml


@pytest.mark.parametrize("spelling", ["h100-sxm", "H100-SXM", "h100_sxm", "H100 SXM", "h100", "NVIDIA H100 80GB HBM3"])
def test_an_entry_is_found_by_name_alias_and_any_case(spelling: str) -> None:
    assert find("accelerators", spelling).stem == "h100-sxm"


def test_an_unknown_name_gets_suggestions_and_the_command_that_lists_all() -> None:
    with pytest.raises(UnknownName) as unknown:
        find("accelerators", "h100-smx")
    assert unknown.value.suggestions[0] == "h100-sxm"
    assert "did you mean 'h100-sxm'" in str(unknown.value)
    assert "capplan catalog list accelerators" in str(unknown.value)
    assert unknown.value.exit_code == 2


@pytest.mark.parametrize("name", ["../sites/usa", "/etc/passwd", "", "..", "a/../../x", "\0", "h100-sxm.yaml/.."])
def test_a_name_never_leads_out_of_its_folder(name: str) -> None:
    with pytest.raises(UnknownName):
        find("accelerators", name)


def test_a_look_up_by_file_name_reads_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    text = files.file_text
    monkeypatch.setattr(files, "file_text", lambda path: (read.append(path), text(path))[1])
    files._load.cache_clear()
    files.load("accelerators", "mi300x")
    assert [path.name for path in read] == ["mi300x.yaml"]


def test_scalars_stay_as_they_are_written() -> None:
    assert parse_yaml("a: 010\nb: no\nc: 8e12\nd: 2026-01-02\ne:", "x") == {
        "a": "010", "b": "no", "c": "8e12", "d": "2026-01-02", "e": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "x.yaml:3:1: 'a' is given twice"),
        ("a: &x 1\nb: *x", "x.yaml:1:4: anchors and aliases are not read"),
        ("a: &x [*x]", "anchors and aliases are not read"),
        ("a: !!python/object:os.system {}", "x.yaml:1:4: tag"),
        ("[1, 2]", "a mapping of keys is needed at the top"),
        ("", "a mapping of keys is needed at the top"),
        ("a: [1", "not YAML"),
        ("? [a, b]\n: c", "a key must be plain text"),
        ("a: " + "[" * 60 + "]" * 60, "nested more than 40 deep"),
        ("a: 1\n---\nb: 2", "x.yaml:2:1: a second document"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_where_it_goes_wrong(text: str, message: str) -> None:
    with pytest.raises(CatalogError) as fault:
        parse_yaml(text, "x.yaml")
    assert message in str(fault.value)


def test_a_file_of_the_wrong_encoding_or_size_is_refused(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: caf\xe9")
    with pytest.raises(CatalogError, match=r"not UTF-8 text \(byte 6"):
        load_yaml(latin)
    huge = tmp_path / "huge.yaml"
    huge.write_text("a: " + "x" * 5_000_000)
    with pytest.raises(CatalogError, match="more than 4 MiB"):
        load_yaml(huge)


def test_a_folder_of_ones_own_adds_entries_and_replaces_shipped_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sites"
    folder.mkdir()
    (folder / "our-cellar.yaml").write_text("name: our-cellar\ntitle: The cellar\naliases: [cellar]\n")
    (folder / "sweden.yaml").write_text("name: sweden\ntitle: Sweden as we know it\n")
    shipped = files.catalog_hash()
    monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path))
    assert find("sites", "cellar").parent == folder
    assert files.load("sites", "sweden")["title"] == "Sweden as we know it"
    assert {"our-cellar", "usa"} <= set(names("sites"))
    assert files.catalog_hash() != shipped
    monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path / "nowhere"))
    with pytest.raises(CatalogError, match="no such folder"):
        find("sites", "usa")


def test_the_hash_changes_with_any_byte_and_only_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "sites" / "cellar.yaml"
    own.parent.mkdir()
    monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path))
    own.write_text("name: cellar\ntitle: A\n")
    first = files.catalog_hash()
    assert files.catalog_hash() == first
    own.write_text("name: cellar\ntitle: B\n")
    assert files.catalog_hash() != first


def test_figures_carry_the_source_that_is_nearest_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "accelerators"
    folder.mkdir()
    (folder / "x.yaml").write_text(
        "name: x\ntitle: X\nvendor: V\nsources:\n  a: {kind: page, title: A, read: 2026-01-02}\n"
        "  b: {kind: page, title: B, recalled: true}\n"
        "tdp: {is: 1 W, from: a, note: hot, on: 2026-01}\n"
        "peak: {from: a, bf16: 1 TFLOP/s, fp8: {is: 2 TFLOP/s, from: b}}\n"
        "orphan: {deep: 3}\n"
    )
    monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path))
    found = {figure.path: figure for figure in figures("accelerators", "x")}
    assert {path: figure.source and figure.source.key for path, figure in found.items()} == {
        "tdp": "a", "peak.bf16": "a", "peak.fp8": "b", "orphan.deep": None,
    }  # fmt: skip
    assert (found["tdp"].note, found["tdp"].on) == ("hot", "2026-01")
    assert str(found["peak.fp8"].source) == "B (page, recalled)"
    assert entry("accelerators", "x").plain == {
        "name": "x", "title": "X", "vendor": "V", "tdp": "1 W", "peak": {"bf16": "1 TFLOP/s", "fp8": "2 TFLOP/s"},
        "orphan": {"deep": "3"},
    }  # fmt: skip


def test_a_missing_figure_names_what_lacks_it_what_needed_it_and_what_to_do() -> None:
    fault = MissingFigure("gaudi-9", "tdp", "the energy cost")
    assert str(fault) == (
        "gaudi-9 has no 'tdp' figure, which the energy cost needs; give it in the scenario or in the catalogue file"
    )
