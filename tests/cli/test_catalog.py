"""`catalog list`, `show` and `check` as a user runs them."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[str]]


def test_list_shows_the_kinds_and_then_their_entries(capplan: Run) -> None:
    kinds = capplan("catalog", "list").stdout
    assert "accelerators" in kinds and "prices/api" in kinds
    listed = capplan("catalog", "list", "accelerators").stdout
    assert "h100-sxm" in listed and "NVIDIA H100 SXM5 80 GB" in listed
    assert "prices/api" in capplan("catalog", "list", "prices").stdout


def test_show_prints_each_figure_with_its_source(capplan: Run) -> None:
    page = capplan("catalog", "show", "NVIDIA H100 80GB HBM3").stdout
    assert "3.35 TB/s" in page and "[aiconfigurator]" in page and "450 GB/s" in page


def test_show_as_json_has_source_date_and_note_of_each_figure(capplan: Run) -> None:
    shown = json.loads(capplan("catalog", "show", "mi250", "-f", "json").stdout)
    memory = next(figure for figure in shown["figures"] if figure["path"] == "memory")
    assert memory["value"] == "128 GB"
    assert "two dies" in memory["note"]
    assert memory["source"] and memory["read"] == "2026-11-21" and memory["recalled"] is False


@pytest.mark.parametrize(("name", "expected"), [("gpt-5", "1.25 USD/Mtoken"), ("us-iowa", "0.0604 USD/kWh")])
def test_show_finds_hosted_models_and_regions(capplan: Run, name: str, expected: str) -> None:
    assert expected in capplan("catalog", "show", name).stdout


def test_an_unknown_name_or_kind_exits_2_with_a_hint(capplan: Run) -> None:
    lost = capplan("catalog", "show", "h100-smx")
    assert (lost.returncode, lost.stdout) == (2, "")
    assert "did you mean h100-sxm" in lost.stderr
    wrong = capplan("catalog", "list", "gpus")
    assert wrong.returncode == 2 and "accelerators" in wrong.stderr


def test_check_says_what_is_wrong_and_exits_2(capplan: Run, tmp_path: Path) -> None:
    sound = capplan("catalog", "check", "accelerators")
    assert (sound.returncode, sound.stderr) == (0, "") and "no problems" in sound.stdout
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "cellar.yaml").write_text("name: cellar\ntitle: C\npue: 1.5\n")
    broken = capplan("catalog", "check", "sites", env={"CAPPLAN_CATALOG": str(tmp_path)})
    assert broken.returncode == 2
    assert "sites/cellar.yaml: pue: a figure without a source; write {is: 1.5, from: SOURCE}" in broken.stderr
