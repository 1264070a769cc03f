"""What `optimize` says of its answer, held against doing what it says."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from capplan.errors import UserError
from capplan.plan import plan
from capplan.scenario.loader import load
from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario
from capplan.search.optimize.answer import optimize
from capplan.search.optimize.candidate import Exact
from capplan.search.optimize.evaluate import evaluate
from capplan.search.optimize.evaluated import Evaluated
from capplan.search.optimize.limits import in_words, limit, limits_of, loosened, rounded
from capplan.search.optimize.nearest import Relaxation, relaxation
from capplan.search.optimize.select import considered, pruned, winner
from capplan.search.optimize.sensitivity import FAR, LOOSER, Verdict, cliffs, shadow_prices, verdict
from capplan.search.optimize.space import Choice, section

from .conftest import evaluated, spaced, spaced_wide

CHAT = Path(__file__).parents[3] / "scenarios" / "optimize-chat.yaml"
SMALL = ["optimize.gpus=h100-sxm,h200-sxm", "optimize.engines=vllm"]
SEEDS = range(4000, 4024)


def tried(choices: Sequence[Choice]) -> list[Evaluated]:
    return [one for choice in choices if isinstance(one := evaluate(choice), Evaluated)]


@cache
def won(seed: int) -> tuple[Scenario, Exact | None]:
    scenario = spaced_wide(seed)
    held = winner(evaluated(scenario), section(scenario).objective)
    return scenario, held.best if held else None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_shadow_price_is_what_searching_again_with_the_looser_limit_saves(seed: int) -> None:
    scenario, best = won(seed)
    if best is None:
        return
    objective = section(scenario).objective
    found = shadow_prices(scenario, best, objective, tried)
    assert {one.limit for one in found} == set(limits_of(scenario))
    for one in found:
        looser = winner(evaluated(loosened(scenario, [one.limit], LOOSER)), objective)
        assert looser is not None
        assert one.saves == pytest.approx(best.value - looser.best.value, rel=1e-9, abs=1e-9 * best.value), one.limit


@pytest.mark.parametrize("seed", SEEDS)
def test_the_fleet_grows_at_the_cliff_and_not_before(seed: int) -> None:
    _, best = won(seed)
    if best is None:
        return
    found, scenario, now = cliffs(best), best.candidate.scenario, int(best.plan.row["gpus"])

    def gpus(growth: float) -> int:
        return int(plan(with_values(scenario, {"workload.qps": scenario.workload.qps * (1 + growth)})).row["gpus"])

    if found.load is None:
        assert gpus(FAR) == now
    else:
        assert gpus(found.load) == now + found.gpus > now
        assert gpus(found.load - 0.01) <= now


@pytest.mark.parametrize("seed", SEEDS)
def test_the_smallest_relaxation_fits_as_it_is_told_and_less_does_not(seed: int) -> None:
    scenario, best = won(seed)
    found = evaluated(scenario)
    if best is not None or not found:
        return
    objective = section(scenario).objective
    loose = relaxation(scenario, found, objective, tried)
    if loose is None:
        assert not any(one.possible.any() for one in found), "limits alone stand in the way: one that is looser helps"
        return
    held = winner(evaluated(loose.scenario), objective)
    assert held is not None and held.best.feasible
    if len(loose.factors) == 1:
        ((name, factor),) = loose.factors
        assert not fits(scenario, name, 1 + 0.93 * (factor - 1), but=loose)
        # No other limit alone would have done with less.
        for other in limits_of(scenario):
            assert other == name or not fits(scenario, other, 1 + 0.9 * (factor - 1), but=loose), other


def fits(scenario: Scenario, name: str, factor: float, but: Relaxation) -> bool:
    """Whether a plan keeps all, one limit being looser; a number of GPUs that comes to the same is no less."""
    less = loosened(scenario, [name], factor)
    same = name in dict(but.factors) and limit(less, name) >= limit(but.scenario, name) * 0.993
    return not same and winner(evaluated(less), section(scenario).objective) is not None


def test_a_relaxation_can_be_typed_as_it_is_told() -> None:
    settings = ["optimize.gpus=h100-sxm", "targets.itl_p95=7.123 ms"]
    asked = load(CHAT, settings)
    loose = relaxation(asked, evaluated(asked), "cost", tried)
    assert loose is not None and loose.further is not None
    assert loose.further.exact.value < loose.exact.value
    key, _, value = in_words(loose.scenario, "itl_p95_s").partition(" ")
    typed = load(CHAT, [*settings, f"{key}={value}"])
    assert limit(typed, "itl_p95_s") == limit(loose.scenario, "itl_p95_s")
    assert winner(evaluated(typed), "cost") is not None


@pytest.mark.parametrize(("name", "value"), [("itl_p95_s", 0.0535123), ("tta_p99_s", 131.2), ("tta_p99_s", 83.41)])
def test_a_limit_is_rounded_to_the_looser_side_by_little(name: str, value: float) -> None:
    scenario = with_values(spaced(1), {f"targets.{name.removesuffix('_s')}": value})
    assert value <= limit(rounded(scenario, name), name) <= 1.012 * value


def test_an_accuracy_is_rounded_down() -> None:
    scenario = with_values(spaced(1), {"targets.accuracy": 0.69364})
    assert 0.68 < limit(rounded(scenario, "accuracy"), "accuracy") <= 0.69364


def test_gpus_that_are_not_there_are_an_excuse_with_a_cure_that_works() -> None:
    for short in ("optimize.max_gpus=7", "optimize.stock=[{gpu: h100-sxm, gpus: 3}, {gpu: h200-sxm, gpus: 7}]"):
        answer = optimize(load(CHAT, [*SMALL, short]))
        assert answer.best is None and answer.rows[0]["feasible"] is False
        (excuse,) = answer.plans[0].excuses
        cured = load(CHAT, [*SMALL, short, *(f"{key}={value}" for key, value in excuse.changes.items())])
        assert winner(evaluated(cured), "cost") is not None
        assert any("Smallest relaxation" in note and "8" in note for note in answer.notes)


def test_a_right_answer_cannot_be_made_cheap_where_nobody_knows_how_many_are_right() -> None:
    asked = load(CHAT, ["optimize.objective=cost_per_correct_answer"])
    with pytest.raises(UserError, match="needs an accuracy"):
        optimize(asked)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_kept_and_what_is_not_add_up_to_the_candidates(seed: int) -> None:
    found = evaluated(spaced_wide(seed))
    kept = sum(int(one.feasible.sum()) for one in found)
    assert kept + sum(pruned(found).values()) == considered(found)


def test_the_verdict_weighs_the_lead_against_the_band() -> None:
    asked = load(CHAT, SMALL)
    found = evaluated(asked)
    held = winner(found, "cost")
    assert held is not None
    best = held.best

    def against(lead: float) -> Verdict:
        rival = Exact(best.candidate, best.plan, best.value * (1 + lead))
        return verdict(best, [rival])

    band = against(0.0).band
    assert 0.02 < band < 2
    words = [against(share * band).word for share in (0.0, 0.4, 0.6, 0.9, 1.1, 3)]
    assert words == ["measure first", "measure first", "close call", "close call", "act", "act"]
    assert verdict(best, []).word == "alone"
    assert np.isinf(verdict(best, []).margin)
