"""The command simulate, as a user runs it."""

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

CHAT = "scenarios/templates/chat.yaml"
HEADER = "timestamp,prompt_tokens,output_tokens\n"


def test_the_same_seed_prints_the_same_bytes_and_json_has_intervals(capplan) -> None:
    one, two = (capplan("simulate", CHAT, "--requests", "4000", "--seed", "7", "-f", "json") for _ in range(2))
    assert one.returncode == 0, one.stderr
    assert one.stdout == two.stdout
    report = json.loads(one.stdout)
    assert report["kind"] == "simulate"
    p95 = next(row for row in report["rows"] if row["statistic"] == "p95")
    assert p95["tta_low_s"] < p95["tta_s"] < p95["tta_high_s"]
    assert any("seed 7" in note for note in report["notes"])
    other = capplan("simulate", CHAT, "--requests", "4000", "--seed", "8", "-f", "json")
    assert other.stdout != one.stdout


def test_stepping_every_token_gives_the_same_percentiles(capplan) -> None:
    given = ("simulate", CHAT, "--requests", "300", "--seed", "1", "-f", "json")
    fast, exact = (json.loads(capplan(*given, *more).stdout)["rows"] for more in ((), ("--exact",)))
    for quick, slow in zip(fast, exact, strict=True):
        for name in ("ttft_s", "itl_s", "ttfo_s", "tta_s"):
            assert quick[name] == pytest.approx(slow[name], rel=0.005)


def test_a_trace_is_simulated_and_its_series_and_distributions_are_written(capplan, tmp_path: Path) -> None:
    trace, series, chart = tmp_path / "trace.csv", tmp_path / "series.csv", tmp_path / "chart.svg"
    trace.write_text(HEADER + "".join(f"{at / 10},800,{20 + at % 50}\n" for at in range(600)))
    done = capplan("simulate", CHAT, "--trace", trace, "--until", "50 s", "--series", series, "--chart", chart)
    assert done.returncode == 0, done.stderr
    assert "own CSV, 500 requests" in done.stdout
    with series.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert set(rows[0]) == {"time_s", "waiting", "running", "kv_share"}
    assert max(float(row["running"]) for row in rows) > 0
    drawn = ElementTree.fromstring(chart.read_text("utf-8"))
    lines = [node for node in drawn.iter() if node.get("aria-roledescription") == "line mark"]
    assert len(lines) == 3  # TTFO is TTFT where nothing is thought before the answer


def test_bad_traces_and_options_end_with_2_and_say_where(capplan, tmp_path: Path) -> None:
    trace = tmp_path / "bad.csv"
    trace.write_text(HEADER + "0,10,5\n1,-4,5\n0.5,10,5\n")
    done = capplan("simulate", CHAT, "--trace", trace)
    assert done.returncode == 2
    assert f"{trace}:3: prompt_tokens -4 is below 1" in done.stderr
    assert f"{trace}:4: time 0.500000 s comes after" not in done.stderr  # line 3 could not be read, so 0 s is before it
    for options, message in [
        (("--rate-factor", "-1"), "rate"),
        (("--until", "5 kg"), "--until"),
        (("--warm-up", "2"), "warm-up"),
        (("--first", "gold"), "class gold: no such class"),
        (("--keep-kv", "0"), "KV compression keeps 0"),
        (("--study", "--trace", str(trace)), "--study draws its own queries"),
        (("--jobs", "2"), "ask for several with --seeds"),
        (("--seeds", "3", "--series", str(trace.with_suffix(".series"))), "leave --seeds out"),
        (("--study", "--seeds", "3"), "leave --seeds out"),
        (("--seeds", "0"), "--seeds"),
        (("--prefill-replicas", "2"), "the same replicas read prompts"),
        (("--requests", "50", "--max-requests", "10"), "more than 10"),
    ]:
        done = capplan("simulate", CHAT, *options)
        assert done.returncode == 2, options
        assert message in done.stderr
    assert capplan("simulate", "scenarios/routing-70-30.yaml", "--replicas", "3").returncode == 2


def test_several_seeds_by_two_processes_print_the_same_bytes_and_an_interrupted_run_goes_on(
    capplan, tmp_path: Path
) -> None:
    from capplan.scenario.loader import load
    from capplan.search.many import work
    from capplan.simulate.question import Question
    from capplan.simulate.replications import Task, simulated

    given = ("simulate", CHAT, "--requests", "500", "--seeds", "4", "-f", "json")
    one, two = capplan(*given), capplan(*given, "--jobs", "2")
    assert one.returncode == 0, one.stderr
    assert one.stdout == two.stdout and "over 4 runs, seeds 0 to 3" in one.stdout
    out = tmp_path / "runs.json"
    # As an interrupt leaves it: two of the runs are done.
    with pytest.raises(KeyboardInterrupt), work(journal=tmp_path / "runs.json.part") as crew:
        crew.map(simulated, [Task(load(CHAT), Question(requests=500, seed=seed), None) for seed in (0, 1)])
        raise KeyboardInterrupt
    resumed = capplan(*given[:-2], "-o", str(out), "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert out.read_text("utf-8") == one.stdout and not (tmp_path / "runs.json.part").exists()
