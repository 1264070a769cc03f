"""Plans verified: simulated percentiles stand beside the analytic ones, and cliffs are told."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from capplan.scenario.loader import load
from capplan.simulate.verify import verify

CHAT = Path(__file__).parents[2] / "scenarios" / "templates" / "chat.yaml"


def test_a_verified_plan_carries_both_figures_and_says_where_they_differ() -> None:
    found = verify(load(CHAT, []))
    for name in ("ttft", "ttft_p95", "itl_p95", "tta", "tta_p95", "tta_p99"):
        planned, simulated = found.columns[f"{name}_s"], found.columns[f"simulated_{name}_s"]
        assert planned == pytest.approx(simulated, rel=0.3)
        if abs(simulated / planned - 1) > 0.2:
            metric = name.partition("_")[0].upper()
            assert found.notes[0].startswith("Warning") and metric in found.notes[0]


def test_targets_are_held_against_the_simulation_too() -> None:
    served = ["serving.concurrency=32"]
    simulated = verify(load(CHAT, served)).columns["simulated_ttft_p95_s"]
    lax = verify(load(CHAT, [*served, f"targets.ttft_p95={simulated * 1.2} s"]))
    assert "Simulated at peak, every latency target holds." in lax.notes
    # A limit between the two figures, or one that both miss: the simulation says so either way.
    strict = verify(load(CHAT, [*served, f"targets.ttft_p95={simulated * 0.9} s", "targets.itl_p95=1 s"]))
    missed = strict.columns["simulated_ttft_p95_s"] > simulated * 0.9
    assert any("TTFT p95" in note and "over its limit" in note for note in strict.notes) == missed


def test_a_plan_at_the_edge_of_its_capacity_stands_next_to_a_cliff() -> None:
    lax = ["targets.ttft_p95=60 s", "targets.itl_p95=1 s", "serving.concurrency=16"]
    steep = verify(load(CHAT, [*lax, "workload.target_utilization=98 %"]))
    level = verify(load(CHAT, [*lax, "workload.target_utilization=60 %"]))
    assert any("next to a cliff" in note for note in steep.notes)
    assert not any("next to a cliff" in note for note in level.notes)


def test_the_same_seed_verifies_to_the_same_figures() -> None:
    scenario = load(CHAT, [])
    assert verify(scenario, seed=3).columns == verify(scenario, seed=3).columns != verify(scenario, seed=4).columns


def test_tco_verify_puts_simulated_columns_into_its_row() -> None:
    from capplan.cli.main import app

    done = CliRunner().invoke(app, ["tco", str(CHAT), "--verify", "-f", "csv"])
    assert done.exit_code == 0, done.output
    assert "simulated_tta_p95_s" in done.output.splitlines()[0]
