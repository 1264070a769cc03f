"""The metrics table is the contract's list of columns, and every one explains itself."""

from capplan.report.metrics import BY_NAME, IDENTITY, METRICS, VIEWS, metric
from capplan.report.show import SCALES, SHOW

CONTRACT = """k samples strategy model gpu weights kv_cache engine tensor_parallel pipeline_parallel expert_parallel
concurrency prompt_tokens thinking_tokens answer_tokens output_tokens ttft_s itl_s ttfo_s tta_s tta_p95_s tta_p99_s
energy_j_per_query latency_multiplier token_multiplier fleet_multiplier cost_multiplier requests_per_s_per_replica
output_tokens_per_s_per_gpu replicas gpus nodes utilization annual_tco_usd capex_usd_per_year energy_usd_per_year
maintenance_usd_per_year rent_usd_per_year usd_per_1k_queries usd_per_m_output_tokens accuracy usd_per_correct_answer
annual_kwh annual_kg_co2e feasible bottleneck"""


def test_the_columns_are_those_of_the_contract_in_its_order() -> None:
    assert [metric.name for metric in METRICS] == CONTRACT.split()


def test_every_metric_can_be_shown_and_says_what_it_means_in_a_sentence() -> None:
    for each in METRICS:
        assert each.unit in SHOW and each.better in ("", "lower", "higher"), each.name
        assert each.help.endswith(".") and each.help[0].isupper(), each.name


def test_times_and_energies_name_their_unit_because_their_scale_changes() -> None:
    assert {each.unit for each in METRICS if each.name.endswith("_s")} == {"s"}
    assert set(SCALES) <= set(SHOW)


def test_latencies_say_from_when_to_when_they_run() -> None:
    for name, start in (("ttft_s", "request sent"), ("ttfo_s", "request sent"), ("tta_s", "request sent")):
        assert start in metric(name).help


def test_views_name_metrics_that_exist() -> None:
    assert BY_NAME.keys() >= set(IDENTITY) and all(BY_NAME.keys() >= set(view) for view in VIEWS.values())
