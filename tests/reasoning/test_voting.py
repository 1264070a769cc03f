"""Voting over samples: closed forms, published pairs, and laws."""

import math
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog import figures
from capplan.reasoning import published
from capplan.reasoning.accuracy.voting import voted

FITTED = [
    # DeepSeek-R1 README @00f3296, AIME 2024: (pass@1, cons@64)
    ("gpt-4o-0513", 0.093, 0.134),
    ("o1-mini", 0.636, 0.800),
    ("qwq-32b-preview", 0.440, 0.600),
    ("deepseek-r1-distill-qwen-1.5b", 0.289, 0.527),
    ("deepseek-r1-distill-qwen-7b", 0.555, 0.833),
    ("deepseek-r1-distill-qwen-14b", 0.697, 0.800),
    ("deepseek-r1-distill-qwen-32b", 0.726, 0.833),
    ("deepseek-r1-distill-llama-8b", 0.504, 0.800),
    ("deepseek-r1-distill-llama-70b", 0.700, 0.867),
]


def test_independent_samples_vote_as_the_binomial_law_says():
    by_hand = sum(comb(5, k) * 0.6**k * 0.4 ** (5 - k) for k in (3, 4, 5))
    assert float(voted(0.6, 5)) == pytest.approx(by_hand, abs=1e-12)
    assert float(voted(0.6, 5)) == pytest.approx(0.683, abs=5e-4)


def test_sixty_four_independent_samples_with_ties_split_reach_94_6_percent():
    assert float(voted(0.6, 64)) == pytest.approx(0.946, abs=5e-4)


def test_133_samples_are_the_fewest_that_reach_99_percent():
    assert (voted(0.6, np.arange(1, 135)) >= 0.99).tolist() == [False] * 132 + [True, True]


def test_no_number_of_samples_lifts_a_vote_above_its_plateau():
    assert np.max(voted(0.74, np.array([16, 64, 256, 1024, 4096]), 1.2, 0.25)) < 0.90


def test_the_default_law_takes_74_percent_to_88_6_at_16_and_89_1_at_64():
    laws = published.default_laws()
    found = voted(0.74, np.array([16.0, 64.0]), laws.concentration.value, laws.vote_share)
    assert found.round(3).tolist() == [0.886, 0.891]


@pytest.mark.parametrize("model, single, vote", FITTED)
def test_the_fitted_mixture_gives_the_published_vote_within_a_point(model, single, vote):
    base = published.base(model, "aime-2024")
    assert base.concentration_fitted
    assert float(base.single.value) == pytest.approx(single)
    assert float(voted(single, 64, base.concentration.value, base.vote_share)) == pytest.approx(vote, abs=0.01)


@pytest.mark.parametrize("model, single, vote", FITTED)
def test_the_catalogued_concentration_is_the_smallest_that_gives_the_published_vote(model, single, vote):
    # Towards 0 voting changes nothing: the smallest solution is the least claim.
    catalogued = float(published.base(model, "aime-2024").concentration.value)
    below, at, above = (voted(single, 64, catalogued * (1 + step), 0.25) - vote for step in (-0.002, 0.0, 0.002))
    assert np.sign(below) != np.sign(above) and abs(float(at)) < 2e-4
    smaller = voted(single, 64, np.geomspace(0.02, 0.998 * catalogued, 200), 0.25) - vote
    assert np.all(np.sign(smaller) == np.sign(below))


def test_the_tenth_pair_has_no_solution_and_the_catalogue_claims_none():
    assert np.max(voted(0.160, 64, np.geomspace(0.02, 2000.0, 240), 0.25)) < 0.267
    assert not published.base("claude-3.5-sonnet-1022", "aime-2024").concentration_fitted


def test_the_default_range_leaves_out_one_fitted_model_at_either_end():
    points = figures.entry("quality", "aime-2024").plain["points"]
    fits = sorted(float(point["concentration"]) for point in points.values() if "concentration" in point)
    default = published.default_laws().concentration
    assert (default.low, default.high) == pytest.approx((fits[1], fits[-2]))


def test_independence_overstates_a_published_vote_by_more_than_ten_points():
    assert float(voted(0.700, 64)) - 0.867 > 0.10


chance = st.floats(0.02, 0.98)
spread = st.floats(0.1, 50.0)


@given(chance, spread)
def test_one_sample_votes_as_it_answers(p, concentration):
    assert float(voted(p, 1, concentration, 0.25)) == pytest.approx(p, abs=1e-9)


@given(chance, spread, st.sampled_from([0.2, 0.25, 0.33, 0.5]))
def test_two_samples_are_worth_one(p, concentration, share):
    assert float(voted(p, 2, concentration, share)) == pytest.approx(p, abs=1e-6)


@given(chance, chance, st.integers(1, 80), spread, st.sampled_from([0.2, 0.25, 0.33, 0.5]))
def test_a_better_model_never_votes_worse(p, q, samples, concentration, share):
    low, high = sorted((p, q))
    assert float(voted(low, samples, concentration, share)) <= float(voted(high, samples, concentration, share)) + 1e-9


@given(st.floats(0.55, 0.95), st.integers(1, 60))
def test_more_independent_samples_of_a_good_model_never_vote_worse(p, half):
    assert float(voted(p, 2 * half + 1)) >= float(voted(p, 2 * half - 1)) - 1e-12


@given(chance, st.integers(1, 200), spread, st.floats(0.1, 0.9))
def test_a_vote_is_a_share(p, samples, concentration, share):
    assert -1e-12 <= float(voted(p, samples, concentration, share)) <= 1 + 1e-12


@given(chance, st.integers(1, 64))
def test_a_huge_concentration_is_independence(p, samples):
    assert float(voted(p, samples, 1e7, 0.5)) == pytest.approx(float(voted(p, samples, math.inf, 0.5)), abs=1e-4)


def test_voting_broadcasts_over_all_its_arguments():
    found = voted(np.array([[0.4], [0.6]]), np.array([1.0, 8.0, 64.0]), 1.2, 0.25)
    assert found.shape == (2, 3)
    assert float(found[1, 2]) == float(voted(0.6, 64, 1.2, 0.25))
