"""`capplan report`: the file, its charts and what it refuses."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_page_and_a_chart_are_written(capplan: Run, tmp_path: Path) -> None:
    page, svg, png = tmp_path / "report.html", tmp_path / "cost.svg", tmp_path / "cost.png"
    done = capplan("report", "-o", str(page), "--chart", f"cost-breakdown={svg}", "--chart", f"cost-breakdown={png}")
    assert (done.returncode, done.stdout) == (0, "")
    assert page.read_text().startswith("<!doctype html>")
    assert svg.read_text().startswith("<svg") and png.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "report.pdf"], ".html"),
        (["--chart", "tornado=t.svg"], "no such chart"),
        (["--chart", "cost.gif"], ".svg or .png"),
        (["-o", "scenario.yaml"], "scenario.yaml"),
    ],
)
def test_what_cannot_be_written_is_said_with_exit_2(arguments: list[str], said: str, capplan: Run) -> None:
    done = capplan("report", *arguments)
    assert done.returncode == 2 and said in done.stderr


def test_a_scenario_without_a_plan_exits_3_after_the_page_is_written(capplan: Run, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = capplan("report", "scenarios/textbook-gpt4-h100.yaml", "-o", str(page))
    assert done.returncode == 3 and "Cannot be" in page.read_text()
    assert capplan("report", "scenarios/textbook-gpt4-h100.yaml", "-o", str(page), "--allow-infeasible").returncode == 0


def test_a_key_swept_twice_is_refused_as_in_sweep(capplan) -> None:
    for command in ("report", "sweep"):
        done = capplan(command, "scenarios/default.yaml", "--over", "workload.qps=1,2", "--over", "workload.qps=3,4")
        assert done.returncode == 2 and "given twice" in done.stderr
