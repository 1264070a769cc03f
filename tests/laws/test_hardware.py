"""Laws of chips, memory and layouts: a better one never does worse, and none passes its own peaks."""

from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.catalog.accelerators import accelerator
from capplan.catalog.models import model
from capplan.cost.energy import idle_w, power_law
from capplan.engine.architecture import parameters
from capplan.plan import Plan, plan, plans
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario

quick = settings(max_examples=15, deadline=None, derandomize=True)
scenario = st.from_type(Scenario)
better = st.integers(11, 40).map(lambda tenths: tenths / 10)
EXACT = 1 + 1e-9


def both(one: Scenario, key: str, first: object, second: object) -> list[Plan]:
    return plans([with_values(one, {key: value}) for value in (first, second)])


def held(one: Scenario, **more: object) -> Scenario:
    """The scenario in the layout that its plan chooses, with more keys of `serving`."""
    row = plan(one).row
    degrees = ("tensor_parallel", "pipeline_parallel", "expert_parallel", "attention_data_parallel")
    serving = {name: row[name] for name in degrees} | more
    return with_values(one, {f"serving.{name}": value for name, value in serving.items()})


def changed(one: Scenario, **figures: float) -> Plan:
    """The plan on the scenario's chip with some figures multiplied."""
    chip = accelerator(one.gpu)
    told = {
        "memory_bandwidth": lambda by: f"{chip.memory_bandwidth_bytes_per_s * by} B/s",
        "memory": lambda by: f"{chip.memory_bytes * by} B",
        "tdp": lambda by: f"{(chip.tdp_w or 0) * by} W",
        "peak": lambda by: {name: f"{peak * by} FLOP/s" for name, peak in chip.peak_flop_per_s.items()},
    }
    gpu = {"like": one.gpu, "name": one.gpu} | {name: told[name](by) for name, by in figures.items()}
    if "memory" in figures and chip.reported_memory_bytes:
        gpu["reported_memory"] = f"{chip.reported_memory_bytes * figures['memory']} B"
    return plan(with_values(one, {"gpu": gpu}))


@quick
@given(scenario, better, st.sampled_from(["memory_bandwidth", "peak", "memory"]))
def test_a_better_chip_never_needs_more_gpus(one: Scenario, by: float, figure: str) -> None:
    assert changed(one, **{figure: by}).row["gpus"] <= plan(one).row["gpus"]


@quick
@given(scenario, better, st.sampled_from(["memory_bandwidth", "peak"]))
def test_a_faster_chip_never_makes_a_query_alone_slower(one: Scenario, by: float, figure: str) -> None:
    alone = with_values(held(one, concurrency=1), {"workload.qps": 1e-9})
    usual, faster = plan(alone), changed(alone, **{figure: by})
    for name in ("ttft_s", "itl_s", "tta_s"):
        assert faster.row[name] <= usual.row[name] * EXACT


@quick
@given(scenario, better)
def test_twice_the_bandwidth_never_more_than_doubles_the_pace(one: Scenario, by: float) -> None:
    alone = with_values(held(one, concurrency=1), {"workload.qps": 1e-9})
    assert changed(alone, memory_bandwidth=by).row["itl_s"] * by * EXACT >= plan(alone).row["itl_s"]


@quick
@given(scenario, better)
def test_larger_memory_never_holds_fewer_sequences(one: Scenario, by: float) -> None:
    same = held(one)
    assert changed(same, memory=by).row["concurrency"] >= plan(same).row["concurrency"]


@quick
@given(scenario)
def test_a_smaller_kv_cache_never_holds_fewer_sequences(one: Scenario) -> None:
    wide, narrow = both(held(with_values(one, {"serving.kv_cache": "bf16"})), "serving.kv_cache", "bf16", "fp8")
    assert narrow.row["concurrency"] >= wide.row["concurrency"]


@quick
@given(scenario)
def test_smaller_weights_never_hold_fewer_sequences(one: Scenario) -> None:
    wide, narrow = both(held(with_values(one, {"serving.weights": "bf16"})), "serving.weights", "bf16", "fp8")
    assert narrow.row["concurrency"] >= wide.row["concurrency"]


@quick
@given(scenario, st.integers(80, 95), st.integers(0, 4))
def test_more_of_the_memory_never_holds_fewer_sequences(one: Scenario, percent: int, extra: int) -> None:
    same = held(with_values(one, {"serving.memory_utilization": 0.8}))
    less, most = both(same, "serving.memory_utilization", percent / 100, (percent + extra) / 100)
    assert most.row["concurrency"] >= less.row["concurrency"]


@quick
@given(scenario, st.integers(1, 30))
def test_more_sequences_at_once_never_serve_less_and_never_decode_faster(one: Scenario, few: int) -> None:
    """To within 0.5 %: where prompts are nearly all of the work, a fuller step is slower by the bend of a roofline."""
    base = held(one)
    most = int(plan(base).row["concurrency"])
    less, all_ = both(base, "serving.concurrency", max(most * few // 40, 1), most)
    assert all_.row["requests_per_s_per_replica"] * 1.005 >= less.row["requests_per_s_per_replica"]
    assert all_.row["replicas"] <= less.row["replicas"]


@quick
@given(scenario)
def test_no_plan_computes_more_than_the_peak_of_its_chips(one: Scenario) -> None:
    made = plan(one)
    chip, arch = accelerator(one.gpu), model(one.model).architecture
    peak = max(chip.peak_flop_per_s.values())
    tokens = made.row["output_tokens_per_s_per_gpu"]
    assert 2 * parameters(arch).active * tokens <= peak * EXACT


@quick
@given(scenario)
def test_no_token_comes_faster_than_the_active_weights_can_be_read(one: Scenario) -> None:
    """At half a byte a weight, the least that any of these formats has; drafts would pass it, and none is used."""
    row = plan(with_values(held(one, concurrency=1), {"workload.qps": 1e-9})).row
    chip, arch = accelerator(one.gpu), model(one.model).architecture
    gpus = row["tensor_parallel"] * row["attention_data_parallel"]
    least_bytes = parameters(arch).active * 0.5
    assert row["itl_s"] >= least_bytes / (gpus * chip.memory_bandwidth_bytes_per_s)


@quick
@given(scenario)
def test_a_fleet_draws_between_its_idle_and_its_rated_power(one: Scenario) -> None:
    row, chip = plan(one).row, accelerator(one.gpu)
    hours, sites = 8760, one.cost.pue * (1 + power_law().host)
    kwh = row["gpus"] * hours * sites / 1000
    assert kwh * idle_w(chip) / EXACT <= row["annual_kwh"] <= kwh * float(chip.tdp_w or 0) * EXACT


@quick
@given(scenario, better)
def test_a_higher_rated_power_never_draws_less(one: Scenario, by: float) -> None:
    same = held(one)
    assert changed(same, tdp=by).row["annual_kwh"] >= plan(same).row["annual_kwh"]


@quick
@given(scenario, st.integers(2, 16))
def test_larger_nodes_never_need_more_nodes(one: Scenario, gpus: int) -> None:
    row = plan(one).row
    each = row["tensor_parallel"] * row["pipeline_parallel"] * row["attention_data_parallel"]
    small, large = both(held(one), "serving.node_gpus", each, each * gpus)
    assert large.row["nodes"] <= small.row["nodes"] and large.row["gpus"] >= small.row["gpus"]
