"""breakeven, risk, forecast, catalog import and --strict, as a user runs them."""

import csv
import io
import json
from pathlib import Path

import pytest

BREAKEVEN = "scenarios/breakeven-reasoning.yaml"
RISK = "scenarios/risk-support.yaml"
GROWTH = "scenarios/forecast-growth.yaml"


def parts(text: str) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for row in json.loads(text)["rows"]:
        found.setdefault(row["part"], []).append(row)
    return found


def test_breakeven_says_the_volume_the_naive_ratio_and_the_mix(capplan) -> None:
    done = capplan("breakeven", BREAKEVEN)
    assert done.returncode == 0, done.stderr
    assert "naive" in done.stdout and "Mix used: 500 input + 4,000 thinking + 500 answer" in done.stdout
    assert "At equal accuracy" in done.stdout


def test_breakeven_as_json_has_today_the_crossings_and_the_curve(capplan) -> None:
    found = parts(capplan("breakeven", BREAKEVEN, "-f", "json").stdout)
    (today,) = found["today"]
    assert today["naive_queries_per_month"] < today["stays_queries_per_month"]
    assert {row["quantity"] for row in found["crossing"]} >= {"volume", "utilization", "output tokens", "GPU price"}
    for row in found["curve"]:
        cheaper = "self-hosting" if row["fleet_usd_per_month"] < row["api_usd_per_month"] else "API"
        assert row["cheaper"] == cheaper


def test_breakeven_draws_itself(capplan, tmp_path: Path) -> None:
    chart = tmp_path / "swap.svg"
    assert capplan("breakeven", BREAKEVEN, "--chart", str(chart)).returncode == 0
    assert chart.read_text("utf-8").startswith("<svg") and chart.read_text("utf-8").count("mark-line") == 2
    assert capplan("breakeven", BREAKEVEN, "--chart", "swap.gif").returncode == 2


def test_breakeven_takes_another_api_by_flag_and_refuses_unknown_hosts_by_name(capplan) -> None:
    given = ("--set", "cost.api.input=null", "--set", "cost.api.output=null")
    done = capplan("breakeven", BREAKEVEN, *given, "--api", "gpt-oss-120b", "--provider", "groq")
    assert done.returncode == 0 and "gpt-oss-120b at groq" in done.stdout
    done = capplan("breakeven", BREAKEVEN, *given, "--api", "deepseek-r1", "--provider", "openai")
    assert done.returncode == 4 and "hosts with a price" in done.stderr and "deepseek" in done.stderr


def test_breakeven_without_an_api_says_what_to_add(capplan) -> None:
    done = capplan("breakeven")
    assert done.returncode == 2 and "cost: api" in done.stderr and done.stdout == ""


def test_risk_gives_intervals_odds_a_tornado_and_the_least_regret(capplan) -> None:
    done = capplan("risk", RISK, "--worlds", "500", "--over", "gpu=h100-sxm,h200-sxm", "-f", "json")
    assert done.returncode == 0, done.stderr
    found = parts(done.stdout)
    low, middle, high = (row["annual_tco_usd"] for row in found["quantile"])
    assert low < middle < high
    assert {row["target"] for row in found["odds"]} == {"ttft_p95_s", "tta_p99_s", "capacity", "annual_tco_usd"}
    swings = [abs(row["high_usd"] - row["low_usd"]) for row in found["input"]]
    assert swings == sorted(swings, reverse=True)
    assert {row["candidate"] for row in found["regret"]} == {"gpu h100-sxm", "gpu h200-sxm"}
    table = capplan("risk", RISK, "--worlds", "500").stdout
    assert "0.08 to 0.2 USD/kWh" in table and "in eight of ten" in table


def test_the_same_seed_gives_the_same_bytes(capplan) -> None:
    first, again, other = (capplan("risk", RISK, "--worlds", "300", "--seed", s, "-f", "json") for s in "112")
    assert first.stdout == again.stdout != other.stdout


def test_a_budget_is_one_more_target(capplan) -> None:
    done = capplan(
        "risk", "--set", "workload.qps={low: 50, mid: 100, high: 200}", "--budget", "3M USD", "--worlds", "300"
    )
    assert done.returncode == 0 and "annual_tco_usd" in done.stdout
    assert capplan("risk", "--law", "normal").returncode == 2


def test_forecast_buys_in_months_and_adds_up(capplan) -> None:
    found = parts(capplan("forecast", GROWTH, "-f", "json").stdout)
    for year in found["year"]:
        bought = [row["purchases_usd"] for row in found["purchase"] if row["year"] == year["year"]]
        assert round(100 * sum(bought)) == round(100 * year["purchases_usd"])
    assert round(100 * sum(y["total_usd"] for y in found["year"])) == round(100 * found["total"][0]["total_usd"])
    assert capplan("forecast", GROWTH, "--years", "1", "--growth", "0 %").stdout.count("\n") < 20


@pytest.mark.parametrize("command", [("breakeven", BREAKEVEN), ("risk", RISK, "--worlds", "200"), ("forecast", GROWTH)])
def test_money_is_exact_to_the_cent_in_every_format(capplan, command: tuple[str, ...]) -> None:
    table = list(csv.DictReader(io.StringIO(capplan(*command, "-f", "csv").stdout)))
    document = json.loads(capplan(*command, "-f", "json").stdout)
    money = [name for name in table[0] if name.endswith(("_usd", "_usd_per_year", "_usd_per_month"))]
    assert money
    for line, row in zip(table, document["rows"], strict=True):
        for name in money:
            if row[name] is not None:
                assert abs(row[name] * 100 - round(row[name] * 100)) < 1e-4
                assert float(line[name]) == row[name] and len(line[name].partition(".")[2]) == 2
    assert capplan(*command, "-f", "markdown").returncode == 0 and capplan(*command, "-f", "html").returncode == 0


def test_tco_tells_units_and_what_the_next_step_costs(capplan) -> None:
    done = capplan("tco", "--set", "workload.queries_per_user_month=100", "--set", "cost.region=sweden",
                   "--set", "cost.electricity=0.1 USD/kWh")  # fmt: skip
    for label in ("USD/M thinking tokens", "USD/M answer tokens", "USD/user and month", "kWh/query", "kg CO2e/query",
                  "next step/1k queries", "litres of water/year", "embodied kg CO2e/year"):  # fmt: skip
        assert label in done.stdout, label


def test_terms_without_a_price_are_refused_with_the_nearest(capplan) -> None:
    for given, said in (
        ("cost.provider=awz", "aws"),
        ("cost.region=mars", "us-east-1"),
    ):
        provider = () if "provider" in given else ("--set", "cost.provider=aws")
        done = capplan("tco", "--pricing", "on_demand", *provider, "--set", given)
        assert done.returncode == 4 and said in done.stderr and done.stdout == ""
    done = capplan(
        "tco", "--gpu", "l40s", "--model", "llama-3.1-8b", "--pricing", "reserved", "--set", "cost.term=1 year"
    )
    assert done.returncode == 4 and "reserved" in done.stderr
    done = capplan("tco", "--set", "cost.gpu_hourly=2.40 USD/kWh", "--pricing", "spot")
    assert done.returncode == 2 and "price" in done.stderr


def test_old_rents_warn_and_strict_refuses_them(capplan) -> None:
    spheron = ("tco", "--pricing", "on_demand", "--set", "cost.provider=spheron")
    warned = capplan(*spheron)
    assert warned.returncode == 0 and "234 days before 2026-11-21" in warned.stderr
    assert capplan(*spheron, "--strict").returncode == 4
    assert capplan(*spheron, "--strict", "--as-of", "2026-05-01").returncode == 0
    assert capplan("tco", "--as-of", "soon").returncode == 2
    market = ("tco", "--pricing", "on_demand", "--strict")
    refused = capplan(*market)
    assert refused.returncode == 4 and "give cost.gpu_hourly" in refused.stderr and "catalog import" in refused.stderr
    assert capplan(*market, "--as-of", "2026-06-01").returncode == 0


def test_price_bands_are_told_by_tier_with_their_dates(capplan) -> None:
    shown = capplan("tco", "--pricing", "on_demand").stdout
    for tier in ("hyperscaler", "neocloud", "long_tail"):
        assert f"price band, {tier}" in shown
    assert "price band, spot" in capplan("tco", "--pricing", "spot").stdout


def test_catalog_import_shows_what_changes_and_writes_only_where_told(capplan, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("accelerator,provider,price,date\nh100-sxm,nebius,3.10 USD/hour,2026-11-20\n")
    own = tmp_path / "own"
    own.mkdir()
    shown = capplan("catalog", "import", str(file))
    assert shown.returncode == 0 and "+" in shown.stdout and "nothing written" in shown.stderr
    assert capplan("catalog", "import", str(file), "--to", str(own)).returncode == 0
    env = {"CAPPLAN_CATALOG": str(own)}
    fresh = capplan("tco", "--pricing", "on_demand", "--set", "cost.provider=nebius", "--strict", env=env)
    assert fresh.returncode == 0 and "3.1 USD/hour" in fresh.stdout and fresh.stderr == ""
    assert capplan("catalog", "import", str(tmp_path / "none.csv")).returncode == 2


def test_catalog_import_takes_the_config_of_a_model(capplan, tmp_path: Path) -> None:
    (tmp_path / "mine-8b").mkdir()
    path = tmp_path / "mine-8b" / "config.json"
    path.write_text(json.dumps({"model_type": "llama", "num_hidden_layers": 32, "hidden_size": 4096, "vocab_size": 9000,
                                "num_attention_heads": 32, "intermediate_size": 14336,
                                "max_position_embeddings": 8192}))  # fmt: skip
    shown = capplan("catalog", "import", path, "--on", "2026-11-20")
    assert shown.returncode == 0 and "layers: 32" in shown.stdout and "nothing written" in shown.stderr
    assert capplan("catalog", "import", path).returncode == 2
    own = str(tmp_path / "own")
    assert capplan("catalog", "import", path, "--on", "2026-11-20", "--to", own).returncode == 0
    assert capplan("tco", "--model", "mine-8b", env={"CAPPLAN_CATALOG": own}).returncode == 0
