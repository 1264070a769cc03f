"""Verifiers, searches and refinement: bounded gains, and losses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog import figures
from capplan.reasoning import published
from capplan.reasoning.accuracy import difficulty
from capplan.reasoning.accuracy.selection import (
    best_of,
    criticised,
    revised,
    searched,
    self_corrected,
)
from capplan.reasoning.accuracy.voting import voted

share = st.floats(0.02, 0.98)
trust = st.floats(0.5, 1.0)
alike = st.floats(0.2, 20.0)


@given(share, st.integers(1, 2000), alike, trust)
def test_best_of_n_lies_between_one_sample_and_coverage(p, samples, concentration, verifier):
    found = float(best_of(p, samples, concentration, verifier))
    assert p - 1e-9 <= found <= float(difficulty.coverage(p, samples, concentration)) + 1e-9


@given(share, st.integers(1, 500), alike, trust, trust)
def test_a_better_verifier_never_picks_worse(p, samples, concentration, a, b):
    low, high = sorted((a, b))
    assert float(best_of(p, samples, concentration, low)) <= float(best_of(p, samples, concentration, high)) + 1e-12


def test_samples_without_end_do_not_lift_best_of_n_above_its_verifier():
    bound = 0.74 + (2 * 0.8 - 1) * (1 - 0.74)
    assert float(best_of(0.74, 1e6, 1.2, 0.8)) <= bound


@given(share, st.floats(1, 500), alike, trust, st.floats(1, 4))
def test_a_search_is_worth_at_least_best_of_n_at_its_tokens(p, candidates, concentration, verifier, efficiency):
    plain = float(best_of(p, candidates, concentration, verifier))
    assert float(searched(p, candidates, concentration, verifier, efficiency)) >= plain - 1e-9


def test_the_shipped_verifiers_reproduce_the_published_best_of_1860():
    """Lightman et al. 2023: PRM 78.2 %, ORM 72.4 %; the single sample is read off the majority of 69.6 %."""
    singles = np.linspace(0.3, 0.7, 4001)
    single = float(singles[np.argmin(np.abs(voted(singles, 1860, 1.2, 0.25) - 0.696))])
    laws = published.default_laws()
    assert float(best_of(single, 1860, 1.2, laws.process.value)) == pytest.approx(0.782, abs=0.002)
    assert float(best_of(single, 1860, 1.2, laws.outcome.value)) == pytest.approx(0.724, abs=0.002)
    assert float(best_of(0.51, 64, 1.2, laws.process.low)) == pytest.approx(0.694, abs=0.001)


def test_self_correction_reproduces_gpt_4_on_gsm8k_and_never_improves():
    """Huang et al. 2023: 95.5 -> 91.5 -> 89.0 %."""
    laws = published.default_laws()
    found = self_corrected(0.955, np.arange(3), laws.correction_limit.value, laws.correction_rate.value)
    assert found == pytest.approx([0.955, 0.915, 0.890], abs=0.001)
    worst = self_corrected(0.758, np.arange(3), laws.correction_limit.low, laws.correction_rate.high)
    assert worst == pytest.approx([0.758, 0.381, 0.418], abs=0.005)  # GPT-3.5 on CommonSenseQA
    points = figures.entry("quality", "refinement").plain["points"]
    assert points["gpt-4-gsm8k"]["round-2"] == "89.0 %"


def test_a_good_critic_mends_a_coin_changes_nothing_and_a_bad_one_spoils():
    good, coin, bad = (criticised(0.74, np.arange(6), 1.2, trust) for trust in (0.9, 0.5, 0.3))
    assert np.all(np.diff(good) > 0)
    assert np.ptp(coin) < 1e-6
    assert np.all(np.diff(bad) < 0)


@given(share, st.floats(0.01, 0.9), st.floats(0.01, 0.09), st.integers(0, 50))
def test_revision_drifts_to_its_limit_from_either_side(p, mends, breaks, rounds):
    limit = mends / (mends + breaks)
    found = float(revised(p, rounds, mends, breaks))
    assert min(p, limit) - 1e-9 <= found <= max(p, limit) + 1e-9
