"""`optimize` and `deploy` as a user runs them."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.program import ROOT, started

FAST = ("--fast", "--gpus", "h100-sxm,h200-sxm", "--engines", "vllm", "--concurrency", "32,128", "--quiet")
CHAT = "scenarios/optimize-chat.yaml"


def test_the_winner_is_a_scenario_that_other_commands_take(capplan, tmp_path: Path) -> None:
    best = tmp_path / "best.yaml"
    done = capplan("optimize", CHAT, *FAST, "-o", str(best))
    assert done.returncode == 0 and "Best: llama-3.3-70b" in done.stdout
    planned = json.loads(capplan("tco", str(best), "-f", "json", "--quiet").stdout)
    found = json.loads(capplan("optimize", CHAT, *FAST, "-f", "json").stdout)
    same = ("gpu", "gpus", "replicas", "annual_tco_usd", "tta_p99_s", "concurrency", "tensor_parallel")
    assert {name: planned["rows"][0][name] for name in same} == {name: found["rows"][0][name] for name in same}
    assert found["rows"][0]["part"] == "winner"
    assert capplan("validate", str(best)).returncode == 0
    assert "vllm serve meta-llama" in capplan("deploy", str(best), "--quiet").stdout


def test_the_winner_carries_its_simulated_percentiles_beside_the_planned_ones(capplan) -> None:
    narrow = ("--gpus", "h100-sxm", "--engines", "vllm", "--concurrency", "32,128")
    report = json.loads(capplan("optimize", CHAT, *narrow, "-f", "json", "--quiet").stdout)
    winner, *others = report["rows"]
    for name in ("ttft_p95_s", "itl_p95_s", "tta_p99_s"):
        assert winner[f"simulated_{name}"] == pytest.approx(winner[name], rel=0.5)
    assert not any(row.get("simulated_ttft_s") for row in others)
    assert any("imulated" in note for note in report["notes"])
    assert "planned and simulated" in capplan("optimize", CHAT, *narrow, "--quiet").stdout
    apart = json.loads(capplan("optimize", CHAT, *narrow, "--disaggregated", "true", "-f", "json", "--quiet").stdout)
    assert apart["rows"][0]["prefill_replicas"] >= 1
    assert apart["rows"][0]["simulated_tta_p99_s"] == pytest.approx(apart["rows"][0]["tta_p99_s"], rel=0.5)


def test_a_scenario_of_the_users_is_never_overwritten_by_a_winner(capplan, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text((ROOT / CHAT).read_text("utf-8"), "utf-8")
    done = capplan("optimize", CHAT, *FAST, "-o", str(mine))
    assert done.returncode == 2 and "would overwrite a scenario" in done.stderr
    assert mine.read_text("utf-8") == (ROOT / CHAT).read_text("utf-8")
    assert capplan("optimize", CHAT, *FAST, "-o", str(tmp_path / "own.yaml")).returncode == 0
    assert capplan("optimize", CHAT, *FAST, "-o", str(tmp_path / "own.yaml")).returncode == 0


def test_where_nothing_fits_the_exit_is_3_with_the_smallest_relaxation_that_works(capplan) -> None:
    done = capplan("optimize", CHAT, *FAST, "--set", "targets.itl_p95=6 ms")
    assert done.returncode == 3
    assert "Nothing meets every target" in done.stdout and "It misses itl_p95 by" in done.stdout
    said = next(line for line in done.stdout.splitlines() if line.startswith("Smallest relaxation that works"))
    limit = said.split("targets.itl_p95 ")[1].split(" (")[0]
    loose = capplan("optimize", CHAT, *FAST, "--set", f"targets.itl_p95={limit}")
    assert loose.returncode == 0, said


def test_a_search_without_any_price_says_what_to_give(capplan) -> None:
    done = capplan("optimize", CHAT, "--fast", "--gpus", "gaudi-3", "--pricing", "spot", "--quiet")
    assert done.returncode in (2, 3) and "price" in done.stderr + done.stdout


@pytest.mark.parametrize("flag", [("--gpus", "h1000"), ("--pricing", "free"), ("--objective", "speed")])
def test_a_wrong_choice_is_told_by_the_key_that_it_stands_for(capplan, flag: tuple[str, str]) -> None:
    done = capplan("optimize", CHAT, *flag)
    assert done.returncode == 2 and f"optimize.{flag[0].removeprefix('--')}" in done.stderr


def test_a_mix_of_gpus_stays_within_the_stock(capplan) -> None:
    done = capplan(
        "optimize",
        CHAT,
        "--mix",
        *FAST[1:],
        "-f",
        "json",
        "--set",
        "optimize.stock=[{gpu: h100-sxm, gpus: 4}]",
        "--set",
        "optimize.classes=[90 %, 100 %]",
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    mix = [row for row in rows if row["part"] == "mix"]
    assert sum(row["gpus"] for row in mix if row["gpu"] == "h100-sxm") <= 4
    assert sum(row["share"] for row in mix) == pytest.approx(1.0, abs=1e-6)


def interrupted(words: list[str], part: Path, least_bytes: int) -> None:
    """Runs a command until so much of its journal is written, then sends it Ctrl-C."""
    with started(words) as run:
        while run.poll() is None and not (part.exists() and part.stat().st_size >= least_bytes):
            time.sleep(0.005)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)
    assert run.returncode == 130 and "--resume goes on" in said, said


def test_an_interrupted_sweep_leaves_its_rows_and_resume_goes_on(
    program: list[str], clean: dict[str, str], tmp_path: Path
) -> None:
    out, points = tmp_path / "out.csv", ",".join(str(qps) for qps in range(1, 1200))
    words = [*program, "sweep", "scenarios/default.yaml", "--k", "1,4", "--over", f"workload.qps={points}",
             "--over", "serving.weights=fp8,bf16", "-o", str(out), "--jobs", "2"]  # fmt: skip
    part = out.with_name("out.csv.part")
    interrupted(words, part, 20_000)
    left = out.read_text("utf-8").splitlines()
    assert 1 < len(left) < 1199 * 4
    resumed = subprocess.run([*words, "--resume"], cwd=ROOT, env=clean, capture_output=True, text=True, timeout=300)
    assert resumed.returncode == 0, resumed.stderr
    assert len(out.read_text("utf-8").splitlines()) == 1 + 1199 * 4
    assert not part.exists()


@pytest.mark.parametrize(("more", "name"), [((), "best.yaml"), ((), "out.json"), (("--mix",), "out.json")])
def test_an_interrupted_search_keeps_what_it_evaluated_and_resume_gives_the_whole_answer(
    program: list[str], clean: dict[str, str], tmp_path: Path, more: tuple[str, ...], name: str
) -> None:
    out, whole = tmp_path / name, tmp_path / f"whole-{name}"
    words = [*program, "optimize", CHAT, "--fast", "--quiet", "--set", "optimize.pipeline_parallel=1,2", *more]
    part = out.with_name(f"{name}.part")
    interrupted([*words, "-o", str(out)], part, 1)
    assert part.exists()
    for target, resume in ((out, ["--resume"]), (whole, [])):
        done = subprocess.run(
            [*words, "-o", str(target), *resume], cwd=ROOT, env=clean, capture_output=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
    assert out.read_bytes() == whole.read_bytes()
    assert not part.exists()


def test_an_interrupted_risk_keeps_its_worlds_and_resume_gives_the_whole_report(
    program: list[str], clean: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    words = [*program, "risk", "scenarios/risk-support.yaml", "--worlds", "200000", "-o", str(out), "--quiet"]
    part = out.with_name("out.json.part")
    interrupted(words, part, 20_000)
    assert part.exists() and not out.exists()
    words[words.index("200000")] = "5000"
    assert subprocess.run([*words, "--resume"], cwd=ROOT, env=clean, timeout=300).returncode == 0
    assert out.exists() and not part.exists()


def test_resume_without_an_output_file_is_refused(capplan) -> None:
    done = capplan("sweep", "scenarios/default.yaml", "--resume")
    assert done.returncode == 2 and "--out" in done.stderr


@pytest.mark.parametrize("name", ["chat", "code-agent", "maths-batch"])
def test_simulation_confirms_the_winner_all_targets_hold_at_peak(capplan, tmp_path: Path, name: str) -> None:
    best = tmp_path / "best.yaml"
    assert capplan("optimize", f"scenarios/optimize-{name}.yaml", "--fast", "--quiet", "-o", str(best)).returncode == 0
    simulated = capplan("simulate", str(best), "--requests", "20000", "--quiet", "-f", "json")
    report = json.loads(simulated.stdout)
    rows = {row["statistic"]: row for row in report["rows"] if row["class"] == "all"}
    targets = report["scenario"]["targets"]
    assert targets
    for target, limit in targets.items():
        metric, _, statistic = target.rpartition("_")
        number, unit = str(limit).split()
        assert rows[statistic][f"{metric}_s"] <= float(number) * {"s": 1, "ms": 1e-3, "min": 60}[unit], target
