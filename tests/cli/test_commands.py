"""The commands on the shipped scenarios: what they print, where it goes, and how they end."""

import csv
import io
import json
import math
import os
import re
import shlex
from pathlib import Path

import pytest

from capplan.cli.main import HERE, command_names
from capplan.measured.outcome import predict_all, predicted_cells
from capplan.measured.points import resolve_table
from capplan.measured.table import read_table

ROOT = Path(__file__).parents[2]
SWEEP = "scenarios/cot-k-sweep.yaml"
TEXTBOOK = "scenarios/textbook-gpt4-h100.yaml"
# Of every command and of what stands in a file of its own for one.
EXAMPLES = [
    (example.split()[0], example)
    for path in sorted((*(HERE / f"{name}.py" for name in command_names()), *HERE.glob("_*.py")))
    if path.name != "__init__.py"
    for example in re.findall(r"^\s*\$ capplan (.+)$", path.read_text("utf-8"), re.MULTILINE)
]


# What the examples answered when somebody last looked; `make golden` rewrites them.
ANSWERS = Path(__file__).with_name("answers")
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")
# Under 8 and under 64 clients, on 2 and 4 GPUs: enough for the commands that read benchmark results.
POINTS = [
    {"row_id": f"{gpus}-{clients}", "source": "desk", "model": "llama-3.3-70b", "weight_dtype": "fp8", "engine": "vllm",
     "gpu": "h100-sxm", "gpu_count": gpus, "tp": gpus, "isl": 2048, "osl": 512,
     "load_type": "concurrency", "concurrency": clients, "primary_metric": "out_tps_total"}
    for gpus in (2, 4) for clients in (8, 64)
]  # fmt: skip


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The points as somebody may have measured them: 5 % above what is predicted."""
    path = tmp_path_factory.mktemp("predicted") / "points.csv"
    write_csv(path, POINTS)
    read = resolve_table(read_table(path))
    said = [predicted_cells(*one) for one in zip(read, predict_all(read), strict=True)]
    return [
        {**point, "out_tps_total": float(str(one["predicted_out_tps_total"])) * 1.05,
         "tpot_ms_mean": one["predicted_tpot_ms"]}
        for point, one in zip(POINTS, said, strict=True)
    ]  # fmt: skip


@pytest.fixture
def desk(measured: list[dict[str, object]], tmp_path: Path) -> Path:
    """A folder as a user may have it: the scenarios, points to predict and results that were measured."""
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    write_csv(tmp_path / "points.csv", POINTS)
    price = {"accelerator": "h100-sxm", "provider": "nebius", "price": "3.10 USD/hour", "date": "2026-11-20"}
    write_csv(tmp_path / "prices.csv", [price])
    write_csv(tmp_path / "measured.csv", measured)
    return tmp_path


def write_csv(path: Path, lines: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[example for _, example in EXAMPLES])
def test_the_example_in_the_help_answers_as_it_did(capplan, desk: Path, name: str, example: str) -> None:
    arguments = shlex.split(example)
    assert arguments[0] == name
    done = capplan(*arguments, cwd=desk)
    assert done.returncode == 0, done.stderr
    written = arguments[arguments.index("-o") + 1] if "-o" in arguments else None
    answer = (desk / written).read_text("utf-8") if written else done.stdout
    known = ANSWERS / f"{re.sub('[^a-z0-9]+', '-', example.lower()).strip('-')}.txt"
    if os.environ.get("CAPPLAN_WRITE_GOLDENS"):
        known.write_text(answer, "utf-8")
    assert answer and alike(answer, known.read_text("utf-8")), f"{known.name}: look at it, then `make golden`"


def test_there_are_no_answers_without_an_example() -> None:
    assert len(list(ANSWERS.iterdir())) == len(set(EXAMPLES))


def alike(one: str, other: str) -> bool:
    """The same words, and numbers but for digits in which processors differ."""
    (words, numbers), (others, known) = ((NUMBER.split(text), NUMBER.findall(text)) for text in (one, other))
    same = (math.isclose(float(a), float(b), rel_tol=1e-6) for a, b in zip(numbers, known, strict=False))
    return words == others and all(same)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_sweep_has_one_row_per_k_and_says_why_the_multipliers_differ(capplan) -> None:
    done = capplan("sweep", SWEEP)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for heading in ("latency", "tokens", "fleet", "cost", "USD/year", "TTA"):
        assert heading in done.stdout
    assert "because" in done.stdout


def test_the_first_row_of_a_sweep_is_the_measure_of_the_others(capplan) -> None:
    first, *others = rows(capplan("sweep", SWEEP, "-f", "csv").stdout)
    for name in ("latency_multiplier", "token_multiplier", "fleet_multiplier", "cost_multiplier"):
        assert float(first[name]) == 1
        assert all(float(row[name]) >= 1 for row in others)


def test_a_layout_left_to_the_planner_is_one_for_all_k(capplan) -> None:
    swept = rows(capplan("sweep", SWEEP, "--k", "1,4,16,64", "-f", "csv").stdout)
    assert len({(row["tensor_parallel"], row["pipeline_parallel"], row["model"], row["gpu"]) for row in swept}) == 1


def test_over_gives_the_grid_of_several_keys(capplan) -> None:
    swept = rows(capplan("sweep", SWEEP, "--k", "1,8", "--over", "workload.qps=50,100", "-f", "csv").stdout)
    assert [(row["k"], row["workload.qps"]) for row in swept] == [("1", "50"), ("1", "100"), ("8", "50"), ("8", "100")]


def test_the_same_question_gives_the_same_bytes(capplan) -> None:
    for format in ("table", "json", "csv", "markdown", "html"):
        first, second = (capplan("sweep", SWEEP, "-f", format) for _ in range(2))
        assert first.stdout == second.stdout and first.returncode == 0, first.stderr


def test_tco_answers_with_no_file_at_all(capplan, tmp_path: Path) -> None:
    done = capplan("tco", "--qps", "100", "--k", "8", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "a year on" in done.stdout and "total" in done.stdout and not list(tmp_path.iterdir())


def test_cost_lines_add_up_to_the_cent(capplan) -> None:
    report = json.loads(capplan("tco", "--qps", "100", "--k", "8", "-f", "json").stdout)
    cents = [round(line["usd_per_year"] * 100) for line in report["lines"]]
    assert sum(cents) == round(report["rows"][0]["annual_tco_usd"] * 100) and len(cents) > 2


def test_a_flag_of_tco_is_short_for_set(capplan) -> None:
    short = capplan("tco", "--qps", "50", "--k", "4", "--tp", "4", "-f", "json").stdout
    sets = ["--set", "workload.qps=50", "--set", "reasoning.k=4", "--set", "serving.tensor_parallel=4"]
    assert short == capplan("tco", *sets, "-f", "json").stdout


def test_a_wrong_flag_is_told_like_a_wrong_line_of_a_file(capplan) -> None:
    done = capplan("tco", "--qps", "many")
    assert done.returncode == 2 and "workload.qps" in done.stderr and done.stdout == ""


def test_the_suffix_of_out_picks_the_format(capplan, tmp_path: Path) -> None:
    for name, start in (("a.json", "{"), ("a.csv", "k,"), ("a.md", "## "), ("a.html", "<!doctype"), ("a.txt", "")):
        done = capplan("sweep", SWEEP, "-o", tmp_path / name)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert (tmp_path / name).read_text("utf-8").startswith(start)


@pytest.mark.parametrize("wrong", [("-f", "xml"), ("-o", "report.xlsx"), ("-o", SWEEP), ("--over", "reasoning.k")])
def test_wrong_options_are_told_before_any_work(capplan, wrong: tuple[str, str]) -> None:
    done = capplan("sweep", SWEEP, *wrong)
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr


def test_an_unknown_key_to_sweep_is_wrong_input_with_a_suggestion(capplan) -> None:
    done = capplan("sweep", SWEEP, "--over", "serving.wieghts=fp8,bf16")
    assert done.returncode == 2 and "weights" in done.stderr


def test_a_plan_that_cannot_be_ends_with_3_and_says_why_and_what_to_do(capplan) -> None:
    asked = shlex.split("tco --model deepseek-r1 --gpu h100-sxm --weights fp8 --tp 8 --set serving.pipeline_parallel=1")
    done = capplan(*asked)
    assert done.returncode == 3
    assert "memory" in done.stderr and "cure:" in done.stderr and "--set" in done.stderr
    report = json.loads(capplan(*asked, "-f", "json").stdout)
    assert report["rows"][0]["feasible"] is False and report["rows"][0]["annual_tco_usd"] is None
    assert report["excuses"][0]["constraint"] and report["excuses"][0]["changes"]


def test_the_textbook_is_refused_on_every_row_unless_allowed(capplan) -> None:
    refused = capplan("sweep", TEXTBOOK)
    assert refused.returncode == 3 and refused.stdout.count("NO: memory") == 4
    allowed = capplan("sweep", TEXTBOOK, "--allow-infeasible")
    assert allowed.returncode == 0 and allowed.stdout.count("NO: memory") == 4 and "895,126,035" in allowed.stdout


def test_the_textbook_gives_the_tutorials_table(capplan) -> None:
    table = {
        1: (67482.7, 47237.9, 6752, 70271265),
        4: (225995.8, 158197.1, 22600, 235208915),
        8: (437346.6, 306142.6, 43736, 455181289),
        16: (860048.2, 602033.8, 86008, 895126035),
    }
    for row in rows(capplan("sweep", TEXTBOOK, "--allow-infeasible", "-f", "csv").stdout):
        time_ms, energy_j, gpus, usd = table.pop(int(row["k"]))
        assert float(row["tta_s"]) * 1000 == pytest.approx(time_ms, abs=0.1)
        assert float(row["energy_j_per_query"]) == pytest.approx(energy_j, abs=0.1)
        assert int(row["gpus"]) == gpus
        assert float(row["annual_tco_usd"]) == pytest.approx(usd, abs=1)
    assert not table


@pytest.mark.parametrize("width", [80, 200])
def test_in_a_terminal_nothing_is_wider_than_it(terminal, width: int) -> None:
    screen = terminal("sweep", SWEEP, width=width)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", screen.text)
    assert screen.returncode == 0
    assert max(map(len, plain.splitlines())) <= width
    assert "USD/year" in " ".join(plain.split()) and "…" not in plain


def test_terminals_have_colour_and_pipes_and_those_who_refuse_it_have_none(terminal, capplan) -> None:
    assert "\x1b[" in terminal("sweep", SWEEP, width=200).text
    assert "\x1b[" not in terminal("sweep", SWEEP, "--no-color", width=200).text
    assert "\x1b[" not in terminal("sweep", SWEEP, width=200, env={"NO_COLOR": "1"}).text
    assert "\x1b[" not in capplan("sweep", SWEEP).stdout


def test_validate_tells_of_every_file(capplan, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\nworkload: {qps: 100}\ngpus: h100\n")
    done = capplan("validate", SWEEP, bad)
    assert done.returncode == 2 and f"{bad}:3:1" in done.stderr and "1 of 2 files have faults" in done.stderr
    good = capplan("validate", SWEEP)
    assert (good.returncode, good.stdout) == (0, f"{SWEEP}: ok\n")


def test_init_writes_a_scenario_that_validates_and_never_overwrites(capplan, tmp_path: Path) -> None:
    assert capplan("init", cwd=tmp_path).returncode == 0
    assert capplan("validate", tmp_path / "scenario.yaml").returncode == 0
    again = capplan("init", cwd=tmp_path)
    assert again.returncode == 2 and "exists already" in again.stderr


def test_reports_name_the_catalogue_and_every_assumption_with_its_source(capplan) -> None:
    report = json.loads(capplan("tco", "--qps", "100", "--k", "8", "-f", "json").stdout)
    assert report["schema"] == "capplan.report/1" and report["kind"] == "tco"
    assert report["catalog"]["hash"] and re.fullmatch(r"\d{4}-\d\d-\d\d", report["catalog"]["date"])
    assert report["assumptions"] and all(stated["source"] for stated in report["assumptions"])


def test_the_tutorials_third_exercise_crosses_at_32(capplan) -> None:
    asked = ["crossover", TEXTBOOK, "--model", "llama-3-70b", "--versus", "gpt-4-textbook", "--allow-infeasible"]
    done = capplan(*asked)
    assert done.returncode == 0, done.stderr
    assert "latency: llama-3-70b exceeds gpt-4-textbook at K = 1 from K = 32 on" in done.stdout
    found = rows(capplan(*asked, "-f", "csv").stdout)
    limit_s = float(found[0]["tta_s"])
    times = {int(row["k"]): float(row["tta_s"]) for row in found[1:]}
    assert times[31] <= limit_s < times[32]


def test_a_routed_fleet_is_the_sum_of_its_pools(capplan) -> None:
    done = capplan("route", "scenarios/routing-70-30.yaml", "-f", "csv")
    assert done.returncode == 0, done.stderr
    by_pool = {row["pool"]: row for row in rows(done.stdout)}
    assert list(by_pool) == ["fast", "deep", "all in fast", "all in deep", "deep in cascade", "routed", "cascade"]
    for column in ("gpus", "nodes", "annual_tco_usd"):
        parts = float(by_pool["fast"][column]) + float(by_pool["deep"][column])
        assert float(by_pool["routed"][column]) == pytest.approx(parts, abs=0.005)


def test_routing_without_tiers_is_wrong_input_that_says_what_to_add(capplan) -> None:
    done = capplan("route", SWEEP)
    assert done.returncode == 2 and "routing" in done.stderr and "tiers" in done.stderr


def test_strict_refuses_prices_that_are_too_old_and_says_which_key_to_give(capplan) -> None:
    later = ("--as-of", "2030-01-01")
    done = capplan("tco", "--strict", *later)
    assert done.returncode == 4 and done.stdout == "" and "cost.purchase_price" in done.stderr
    given = ["--set", "cost.purchase_price=25000 USD"]
    assert capplan("tco", "--strict", *given, *later).returncode == 0
    warned = capplan("tco", *later)
    assert warned.returncode == 0 and "warning: purchase price" in warned.stderr and warned.stdout
    assert capplan("tco", *later, "--quiet").stderr == ""


def test_a_target_on_accuracy_that_nothing_judges_is_told_and_strict_refuses_it(capplan) -> None:
    wanted = ("tco", "--set", "targets.accuracy=80 %")
    done = capplan(*wanted)
    assert done.returncode == 0 and "warning: targets.accuracy: not judged" in done.stderr
    strict = capplan(*wanted, "--strict")
    assert strict.returncode == 4 and "quality.benchmark" in strict.stderr and not strict.stdout
    told = capplan(*wanted, "--set", "quality.single_sample_accuracy=85 %", "--strict")
    assert told.returncode == 0 and "targets.accuracy" not in told.stderr
