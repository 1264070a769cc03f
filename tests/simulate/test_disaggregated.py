"""Prefill and decode on pools of their own: queries pass from one to the other, and their caches over a link."""

from dataclasses import replace
from pathlib import Path

import ciw
import numpy as np
import pytest

from capplan.engine.steptimes import Link, textbook_step_times
from capplan.errors import UserError
from capplan.reasoning.rounds import Round
from capplan.scenario.loader import load as load_file
from capplan.search.optimize.answer import optimize
from capplan.simulate.answer import answer
from capplan.simulate.chain import run_chain
from capplan.simulate.estimate import mean
from capplan.simulate.outages import Outage, outages
from capplan.simulate.outcome import Outcome, outcome
from capplan.simulate.policy import Policy, Preemption, Routing
from capplan.simulate.question import Question
from capplan.simulate.requests import Requests, requests
from capplan.simulate.result import Run
from capplan.simulate.run import run
from capplan.simulate.setup import setup
from capplan.simulate.station import Readers, Station
from capplan.simulate.study import serving_study
from capplan.simulate.study_telling import rows
from capplan.simulate.summary import pool_summary
from capplan.simulate.verify import verify
from tests.simulate.drawn import step_times

AT_ONCE = textbook_step_times(1e-12, 1 << 12)


def served(load: Requests, station: Station, **how: object) -> tuple[Outcome, tuple[Run, ...]]:
    return run_chain(load, (), [station], **how)


def test_a_query_that_nothing_disturbs_takes_prefill_then_the_link_then_its_decode_steps():
    reads = textbook_step_times(1.0, 4, prefill_s_per_token=0.01)
    writes = textbook_step_times(0.5, 4, step_s_per_context_token=0.001)
    station = Station(writes, Policy(), readers=Readers(reads, Policy(), Link(0.25, 0.002)))
    seen, (read, wrote) = served(requests([3.0], 100, 4), station)
    handed_s = 0.01 * 100 + 0.25 + 0.002 * 100
    steps_s = [0.5 + 0.001 * context for context in (100, 101, 102, 103)]
    assert seen.ttft_s[0] == pytest.approx(handed_s + steps_s[0])
    assert seen.tta_s[0] == seen.alone_s[0] == pytest.approx(handed_s + sum(steps_s))
    assert seen.itl_s[0] == pytest.approx(sum(steps_s[1:]) / 3)
    assert seen.wait_s[0] == 0.0
    assert read.done_s[0] == pytest.approx(4.0) and wrote.requests.arrival_s[0] == pytest.approx(3 + handed_s)


def test_caches_of_one_replica_queue_for_its_lanes():
    reads = textbook_step_times(1.0, 4, prefill_s_per_token=0.001)
    for lanes, waits_s in ((1, 2.0), (2, 1.0)):
        station = Station(AT_ONCE, Policy(), readers=Readers(reads, Policy(), Link(1.0, 0.0, lanes)))
        seen, _ = served(requests([0.0, 0.0], 100, 1), station)
        assert sorted(seen.tta_s - 0.2) == pytest.approx([1.0, waits_s])
    apart = Station(AT_ONCE, Policy(), readers=Readers(reads, Policy(replicas=2), Link(1.0)))
    assert served(requests([0.0, 0.0], 100, 1), apart)[0].tta_s.tolist() == pytest.approx([1.1, 1.1])


def test_samples_of_one_prompt_are_sent_once_and_written_side_by_side():
    reads = textbook_step_times(1.0, 8, prefill_s_per_token=0.01, kv_block_tokens=10)
    writes = textbook_step_times(1.0, 8, kv_block_tokens=10)
    station = Station(writes, Policy(replicas=2), readers=Readers(reads, Policy(replicas=2), Link(0.0, 0.1)))
    outputs = np.array([[11, 21, 6]])
    samples = Round(np.array([0]), np.full((1, 3), 100), outputs, outputs - 1, (((0, 0, 0), np.array([100])),), True)
    seen, (read, wrote) = run_chain(requests([0.0], 100, 1), [samples], [station])
    assert seen.tta_s[0] == pytest.approx(0.01 * (100 + 1 + 1) + 0.1 * 100 + 21)
    assert len(set(wrote.replica)) == len(set(read.replica)) == 1


# With one seat a replica serves one prompt at a time, and steps are short beside everything.
TOKENS = 20_000
COUNT = 30_000
WARM_UP = 3_000


def tandem(readers: int, cv: float, load: float, seats: int, seed: int) -> tuple[Outcome, tuple[Run, ...], float]:
    """Prompts of 1 s in the mean to `readers`, then answers of 1 s in the mean to `seats`; and the seconds drawn."""
    rng = np.random.default_rng(seed)
    sigma = np.sqrt(np.log1p(cv * cv))
    arrival_s = np.cumsum(rng.exponential(1 / (readers * load), COUNT))
    read = rng.exponential(1.0, COUNT) if cv == 1 else rng.lognormal(-sigma * sigma / 2, sigma, COUNT)
    tokens = np.maximum(1, np.rint(read * TOKENS)).astype(np.int64)
    output = np.maximum(1, np.rint(rng.exponential(1.0, COUNT) * TOKENS)).astype(np.int64)
    reads = textbook_step_times(1.0, 1, prefill_s_per_token=1 / TOKENS)
    station = Station(
        textbook_step_times(1 / TOKENS, seats), Policy(), readers=Readers(reads, Policy(replicas=readers), Link())
    )
    return *served(requests(arrival_s, tokens, output), station), float((tokens + output).mean() / TOKENS)


def erlang_wait_s(servers: int, load: float) -> float:
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = load * blocked / (server + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked)) / (servers - load)


@pytest.mark.parametrize(("load", "seats"), [(0.5, 1), (0.6, 2), (0.8, 4)])
def test_what_leaves_a_queue_with_exponential_service_comes_to_the_next_at_random(load: float, seats: int):
    # Burke 1956: prefill as M/M/1 hands over a Poisson stream, so that decode is M/M/c by itself.
    seen, (read, wrote), _ = tandem(1, 1.0, load, seats, seed=int(10 * load))
    waits_s = load / (1 - load), erlang_wait_s(seats, load)
    for ran, wait_s in zip((read, wrote), waits_s, strict=True):
        found = mean(outcome(ran).wait_s[WARM_UP:])
        assert found.low - (found.high - found.low) / 2 < wait_s < found.high + (found.high - found.low) / 2
    assert mean(seen.wait_s[WARM_UP:]).value == pytest.approx(sum(waits_s), rel=0.1)


@pytest.mark.parametrize(("readers", "cv", "load"), [(1, 0.5, 0.7), (3, 1.0, 0.8), (3, 1.5, 0.7)])
def test_two_pools_agree_with_another_authors_simulator_of_queues(readers: int, cv: float, load: float):
    """By ciw: single servers behind a router to the one with the fewest present, then a server for each seat."""
    rate, sigma = readers * load, np.sqrt(np.log1p(cv * cv))
    service = ciw.dists.Exponential(1.0) if cv == 1 else ciw.dists.Lognormal(-sigma * sigma / 2, sigma)
    reading = [f"prefill {number}" for number in range(1, readers + 1)]
    nodes = list(range(2, readers + 2))
    routes = [ciw.routing.LoadBalancing(destinations=nodes, tie_break="order")]
    routes += [ciw.routing.Direct(to=readers + 2) for _ in reading] + [ciw.routing.Leave()]
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate)] + [None] * (readers + 1),
        service_distributions=[ciw.dists.Deterministic(0.0), *(service for _ in reading), ciw.dists.Exponential(1.0)],
        number_of_servers=[float("inf"), *(1 for _ in reading), 4],
        routing=ciw.routing.NetworkRouting(routers=routes),
    )
    ciw.seed(2)
    theirs = ciw.Simulation(network)
    theirs.simulate_until_max_customers(COUNT // 2, method="Finish")
    spent: dict[int, tuple[float, float]] = {}
    for record in theirs.get_all_records():
        begun, waited = spent.get(record.id_number, (record.arrival_date, 0.0))
        spent[record.id_number] = (min(begun, record.arrival_date), waited + record.waiting_time)
    waits = np.array([waited for _, waited in sorted(spent.values())])[WARM_UP // 2 :]
    seen, _, _ = tandem(readers, cv, load, 4, seed=3)
    ours, other = mean(seen.wait_s[WARM_UP:]), mean(waits)
    halves = [(each.high - each.low) / 2 for each in (ours, other)]
    assert abs(ours.value - other.value) < 1.5 * np.hypot(*halves)


def test_prompts_read_in_no_time_leave_a_queue_for_seats_alone():
    rng = np.random.default_rng(4)
    arrival_s = np.cumsum(rng.exponential(1 / 3.2, COUNT))
    tokens = np.maximum(1, np.rint(rng.exponential(1.0, COUNT) * TOKENS)).astype(np.int64)
    writes = textbook_step_times(1 / TOKENS, 4)
    apart, _ = served(
        requests(arrival_s, 1, tokens), Station(writes, Policy(), readers=Readers(AT_ONCE, Policy(), Link()))
    )
    # Together, the prompt rides in a step that gives the first token: a step less is left. Each adds one to its seat.
    together = outcome(run(requests(arrival_s, 1, tokens + 1), writes))
    assert np.abs(apart.tta_s - together.tta_s).max() < 200 / TOKENS
    assert apart.wait_s.mean() == pytest.approx(erlang_wait_s(4, 3.2), rel=0.1)


def _policy(rng: np.random.Generator, ranked: bool) -> Policy:
    return Policy(
        replicas=int(rng.choice([1, 2, 3])),
        routing=Routing(rng.choice(list(Routing))),
        prediction_sigma=0.3,
        preemption=Preemption(rng.choice(list(Preemption))),
        growth_tokens=int(rng.choice([0, 50])),
        priorities=(0, 1, 2) if ranked else (),
        preempt_lower=bool(ranked and rng.random() < 0.5),
        checkpoint_tokens=int(rng.integers(1, 60)) if rng.random() < 0.3 else None,
        prefix_hit_ratio=float(rng.choice([0, 0.5])),
    )


def _case(seed: int) -> tuple[Requests, Station, list[tuple[Outage, ...]]]:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(40, 120))
    prompt = rng.integers(1, 300, count)
    output = np.maximum(1, rng.lognormal(3.0, 1.2, count).astype(np.int64))
    thinking = np.minimum((output * rng.random(count)).astype(np.int64), output - 1)
    ranked = bool(rng.random() < 0.4)
    classes = ("a", "b", "c")[: 3 if ranked else 1]
    longest = int((prompt + output).max())
    link = Link(float(rng.choice([0, 0.01])), float(rng.choice([0, 1e-4])), int(rng.choice([1, 2])))
    readers = Readers(step_times(rng, longest), replace(_policy(rng, ranked), checkpoint_tokens=None), link)
    station = Station(replace(step_times(rng, longest), arrival_s=0.0), _policy(rng, ranked), readers=readers)
    spacing_s = output.mean() * station.times.decode_base_s[-1] / station.times.max_sequences / rng.choice([0.3, 1.5])
    arrival_s = np.cumsum(rng.exponential(spacing_s, count))
    down = [outages(pool, 5.0, 1.0, 0.0, float(arrival_s[-1]), [seed, at]) if rng.random() < 0.5 else ()
            for at, pool in enumerate(station.replicas)]  # fmt: skip
    load = requests(arrival_s, prompt, output, thinking, rng.integers(0, len(classes), count), classes)
    return load, station, down


@pytest.mark.parametrize("seed", range(40))
def test_skipping_ahead_agrees_with_every_step_and_nothing_is_lost_between_the_pools(seed: int):
    load, station, down = _case(seed)
    fast, runs = served(load, station, outages=down, seed=seed)
    slow, stepped = served(load, station, outages=down, seed=seed, exact=True)
    for column in ("ttft_s", "ttfo_s", "itl_s", "tta_s", "wait_s"):
        np.testing.assert_allclose(getattr(fast, column), getattr(slow, column), rtol=1e-8, atol=1e-8)
    for ran, exact in zip(runs, stepped, strict=True):
        assert ran.totals.preemptions == exact.totals.preemptions
        assert len(ran.requests) == len(load)
        assert pool_summary(ran, outcome(ran)).little_gap < 1e-9
        assert ran.requests.prompt_tokens.sum() == load.prompt_tokens.sum()
    read, wrote = runs
    assert wrote.requests.output_tokens.sum() == load.output_tokens.sum() and (read.requests.output_tokens == 1).all()
    assert (fast.ttft_s > 0).all() and (fast.ttft_s <= fast.ttfo_s + 1e-9).all()
    assert (fast.ttfo_s <= fast.tta_s + 1e-9).all()
    if not any(down):
        assert (fast.tta_s >= fast.wait_s - 1e-9).all()


def test_the_cases_exercise_what_they_are_meant_to():
    preempted = failed = waited = 0
    for seed in range(40):
        load, station, down = _case(seed)
        seen, (_, wrote) = served(load, station, outages=down, seed=seed)
        preempted += wrote.totals.preemptions
        failed += len(down[0]) > 0 < len(down[1])
        waited += seen.wait_s.max() > 1
    assert preempted > 50 and failed > 3 and waited > 10


def test_what_a_decode_replica_loses_is_read_again_and_a_token_that_was_shown_stays_shown():
    reads = textbook_step_times(1.0, 4, prefill_s_per_token=0.1)
    station = Station(textbook_step_times(1.0, 4), Policy(), readers=Readers(reads, Policy(), Link(0.5)))
    seen, (read, wrote) = served(requests([0.0], 10, 5), station, outages=[(), (Outage(4.2, 0, 4.3),)])
    # Read by 1.0, there at 1.5, first token at 2.5; lost at 4.2, read again by 5.2, there at 5.7, five steps.
    assert seen.ttft_s[0] == pytest.approx(2.5)
    assert seen.tta_s[0] == pytest.approx(10.7)
    assert wrote.totals.lost_tokens == 2 and read.totals.lost_tokens == 0
    for ran in (read, wrote):
        assert pool_summary(ran, outcome(ran)).little_gap < 1e-12


CHAT = Path(__file__).parents[2] / "scenarios" / "templates" / "chat.yaml"
# A pool that reads prompts keeps what later rounds begin with, if its memory holds it.
KEPT = ["serving.prefix_cache_hit_rate=30 %", "serving.prefill={tensor_parallel: 4}"]
APART = ["serving.disaggregated=true", "workload.qps=120"]


def test_a_plan_of_two_pools_is_simulated_as_it_stands_and_says_how_busy_each_is():
    found = answer(load_file(CHAT, APART), Question(requests=6_000))
    row, plan = found.rows[0], found.plans[0].row
    assert (row["prefill_replicas"], row["decode_replicas"]) == (plan["prefill_replicas"], plan["decode_replicas"])
    assert [pool.replicas for pool in found.pools] == [plan["prefill_replicas"], plan["decode_replicas"]]
    assert 0 < row["prefill_utilization"] < 1 and 0 < row["decode_utilization"] <= 1
    assert any("chat/prefill" in note and "reading prompts alone" in note for note in found.notes)
    assert {"chat/prefill_waiting", "chat/decode_running"} <= set(found.series)
    assert all(pool.little_gap < 1e-9 for pool in found.pools)


def test_more_replicas_of_either_pool_never_make_users_wait_longer():
    scenario = load_file(CHAT, APART)
    base = setup(scenario)
    read, write = base.readers.policy.replicas, base.policy.replicas

    def p95_s(readers: int, writers: int) -> dict[str, float]:
        asked = Question(requests=6_000, replicas=readers + writers, prefill_replicas=readers)
        return {key: value.value for key, value in answer(scenario, asked).summaries[0].figures.items()}

    usual, reads, writes = p95_s(read, write), p95_s(2 * read, write), p95_s(read, 2 * write)
    assert reads["ttft_p95_s"] <= usual["ttft_p95_s"] and writes["itl_p95_s"] < usual["itl_p95_s"]
    with pytest.raises(UserError, match="none is left to decode"):
        answer(scenario, Question(replicas=read))
    with pytest.raises(UserError, match="the same replicas read prompts"):
        answer(load_file(CHAT, []), Question(prefill_replicas=2))


@pytest.mark.parametrize(
    "more",
    [
        ["reasoning.strategy=majority_vote"],
        ["reasoning={strategy: best_of_n, samples: 3, verifier: {model: llama-3.1-8b, pool: own}}"],
        ["reasoning={strategy: chain_of_thought, k: 4, calls: per_step}", *KEPT],
    ],
)
def test_queries_of_several_requests_pass_through_both_pools_in_every_round(more: list[str]):
    quick = ["workload.qps=6", "workload.answer_tokens=100", "reasoning.samples=3"]
    scenario = load_file(CHAT, ["serving.disaggregated=true", *quick, *more])
    fast, exact = (answer(scenario, Question(requests=40, exact=exact)) for exact in (False, True))
    for row, stepped in zip(fast.rows, exact.rows, strict=True):
        assert row["tta_s"] == pytest.approx(stepped["tta_s"], rel=1e-6)
    assert all(pool.little_gap < 1e-9 for pool in fast.pools)
    long = answer(scenario, Question(requests=1_500))
    mean_row = long.rows[0]
    assert mean_row["planned_tta_s"] == pytest.approx(mean_row["tta_s"], rel=0.2)


def test_spares_of_each_pool_stand_by_and_serve_where_replicas_go_down():
    spared = setup(load_file(CHAT, [*APART, "serving.spare_replicas=2"]))
    plan = spared.plan.row
    assert plan["spare_replicas"] == 4 and plan["prefill_spare_replicas"] == 2
    assert spared.readers.policy.replicas == plan["prefill_replicas"] - 2
    assert spared.policy.replicas == plan["decode_replicas"] - 2
    spot = [*APART, "cost.pricing=spot", "cost.spot={eviction_every: 20 min, restart: 2 min}"]
    evicted = answer(load_file(CHAT, spot), Question(requests=30_000))
    assert any("times a replica went down" in note for note in evicted.notes)
    assert all(pool.little_gap < 1e-9 for pool in evicted.pools)


def test_the_study_splits_both_pools():
    scenario = load_file(
        CHAT, ["serving.disaggregated=true", "workload.qps=60", "reasoning={strategy: chain_of_thought, k: 4}"]
    )
    standard, squeezed, routed, stopped, _ = serving_study(setup(scenario), 2_000, 1)
    assert squeezed.queries_per_s >= standard.queries_per_s * 0.98 and routed.queries_per_s > standard.queries_per_s
    assert [sum(counts) for counts in zip(*routed.replicas, strict=True)] == list(standard.replicas[0])
    assert ":" in str(rows([standard])[0]["replicas_by_pool"])
    assert stopped.tta_mean_s.value < standard.tta_mean_s.value


@pytest.mark.parametrize("qps", [5, 25])
@pytest.mark.parametrize("prompts", ["400", "2048", "{lognormal: {p50: 1000, p99: 6000}}"])
def test_planned_percentiles_of_two_pools_are_near_the_simulated_ones(prompts: str, qps: int):
    scenario = load_file(CHAT, [*APART, f"workload.qps={qps}", f"workload.prompt_tokens={prompts}"])
    found = answer(scenario, Question(requests=12_000))
    assert not any(pool.growing for pool in found.pools)
    planned, seen = found.planned["all"], found.summaries[0].figures
    bounds = {"tta_mean_s": 0.05, "tta_p95_s": 0.1, "itl_p95_s": 0.1, "ttft_mean_s": 0.25, "ttft_p95_s": 0.35}
    apart = {name: planned[name] / seen[name].value - 1 for name in bounds}
    assert all(abs(apart[name]) < bound for name, bound in bounds.items()), apart


def test_the_winner_of_a_search_among_pools_apart_is_confirmed_by_its_simulation():
    scenario = load_file(CHAT.parents[1] / "optimize-chat.yaml", ["optimize={gpus: [h100-sxm], disaggregated: true}"])
    best = optimize(scenario, confident=False).best
    assert best is not None and best.serving.disaggregated
    seen = verify(best)
    assert seen.notes[0].startswith("Simulated and planned latencies at peak agree")
    assert "Simulated at peak, every latency target holds." in seen.notes
    for name in ("ttft", "itl_p95", "tta", "tta_p95", "tta_p99"):
        assert seen.columns[f"{name}_s"] == pytest.approx(seen.columns[f"simulated_{name}_s"], rel=0.1)


def test_what_a_cache_holds_of_a_prompt_is_attended_to_by_the_rest_in_plan_and_simulation():
    long = [*APART, "workload.qps=2", "workload.prompt_tokens=24000", "serving.prefill={tensor_parallel: 2}"]
    scenario = load_file(CHAT, [*long, "serving.prefix_cache_hit_rate=75 %"])
    found = answer(scenario, Question(requests=4_000))
    assert found.planned["all"]["ttft_p50_s"] == pytest.approx(found.summaries[0].figures["ttft_p50_s"].value, rel=0.08)
