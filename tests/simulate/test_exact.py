"""Skipping ahead against stepping one token at a time, on random small scenarios with every feature."""

from dataclasses import fields

import numpy as np
import pytest

from capplan.engine.steptimes import StepTimes
from capplan.simulate.outcome import outcome
from capplan.simulate.policy import Policy, Preemption, Routing
from capplan.simulate.requests import Requests, requests
from capplan.simulate.run import run
from capplan.simulate.summary import summaries
from tests.simulate.drawn import step_times

PAGE = 32


def _policy(rng: np.random.Generator) -> Policy:
    ranked = rng.random() < 0.4
    return Policy(
        replicas=int(rng.choice([1, 1, 2, 3])),
        routing=Routing(rng.choice(list(Routing))),
        prediction_sigma=0.3,
        preemption=Preemption(rng.choice(list(Preemption))),
        watermark=float(rng.choice([0, 0.01, 0.1])),
        growth_tokens=int(rng.choice([0, 50])),
        priorities=(0, 1, 2) if ranked else (),
        preempt_lower=bool(ranked and rng.random() < 0.5),
        checkpoint_tokens=int(rng.integers(5, 60)) if rng.random() < 0.3 else None,
        prefix_hit_ratio=float(rng.choice([0, 0.5])),
        prefix_page_tokens=PAGE,
    )


def _scenario(seed: int) -> tuple[Requests, StepTimes, Policy]:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(40, 120))
    prompt = rng.integers(1, 300, count)
    output = np.maximum(1, rng.lognormal(3.5, 1, count).astype(np.int64))
    thinking = np.minimum((output * rng.random(count)).astype(np.int64), output - 1)
    policy = _policy(rng)
    times = step_times(rng, int((prompt + output).max()))
    load = rng.choice([0.3, 0.9, 1.5]) * times.max_sequences * policy.replicas
    arrival_s = np.cumsum(rng.exponential(output.mean() * times.decode_base_s[-1] / load, count))
    if rng.random() < 0.3:
        arrival_s = np.round(arrival_s, 1)  # several at the same moment
    classes = ("a", "b", "c")[: max(1, len(policy.priorities))]
    kinds = rng.integers(0, len(classes), count)
    pages = None
    if rng.random() < 0.4:
        families = rng.integers(0, 5, count).tolist()
        pages = [
            tuple(1000 * family + at for at in range(tokens // PAGE))
            for family, tokens in zip(families, prompt.tolist(), strict=True)
        ]
    return requests(arrival_s, prompt, output, thinking, kinds, classes, pages), times, policy


@pytest.mark.parametrize("seed", range(60))
def test_skipping_ahead_and_stepping_every_token_agree_on_every_percentile(seed):
    load, times, policy = _scenario(seed)
    fast = run(load, times, policy, seed=seed)
    slow = run(load, times, policy, seed=seed, exact=True)
    for quick, exact in zip(summaries(outcome(fast)), summaries(outcome(slow)), strict=True):
        for name, figure in exact.figures.items():
            assert quick.figures[name].value == pytest.approx(figure.value, rel=0.005, abs=1e-9, nan_ok=True), name
    # Well beyond what is promised: the same request by request, to rounding.
    for column in ("admitted_s", "first_s", "answer_s", "done_s"):
        np.testing.assert_allclose(getattr(fast, column), getattr(slow, column), rtol=1e-9, atol=1e-9)
    assert fast.totals.preemptions == slow.totals.preemptions
    assert fast.totals.decode_steps == slow.totals.decode_steps
    assert fast.totals.events <= slow.totals.events


def test_the_scenarios_exercise_what_they_are_meant_to():
    preemptions = hits = chunked = 0
    for seed in range(60):
        load, times, policy = _scenario(seed)
        preemptions += run(load, times, policy, seed=seed).totals.preemptions
        hits += load.pages is not None
        chunked += int(load.prompt_tokens.max()) > times.max_batched_tokens
    assert preemptions > 100
    assert hits > 10
    assert chunked > 10


@pytest.mark.parametrize("seed", range(20))
def test_littles_law_and_the_order_of_milestones_hold_in_every_run(seed):
    load, times, policy = _scenario(1000 + seed)
    served = run(load, times, policy, seed=seed)
    spent_s = float((served.done_s - load.arrival_s - times.arrival_s).sum())
    assert served.totals.present_s == pytest.approx(spent_s, rel=1e-9)
    assert (load.arrival_s <= served.admitted_s).all()
    assert (served.admitted_s <= served.first_s).all()
    assert (served.first_s <= served.answer_s + 1e-12).all()
    assert (served.answer_s <= served.done_s + 1e-9).all()
    room = times.kv_blocks
    assert all((sampled[:, 3] <= room).all() for sampled in served.samples)


def test_the_same_seed_gives_the_same_bytes():
    for seed in (3, 7, 11):
        load, times, policy = _scenario(seed)
        one, two = run(load, times, policy, seed=seed), run(load, times, policy, seed=seed)
        for field in fields(one):
            value = getattr(one, field.name)
            if isinstance(value, np.ndarray):
                assert value.tobytes() == getattr(two, field.name).tobytes()
        assert one.totals == two.totals
