"""Cascades: who pays, who is right, and what a split can save."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.reasoning.cascade import Tier, cascade, routed_multiplier


def test_a_cascade_pays_the_failed_tier_first():
    found = cascade([Tier(0.6, 1.0, keeps_right=0.95, keeps_wrong=0.1), Tier(0.85, 20.0)])
    onward = 1 - 0.6 * 0.95 - 0.4 * 0.1
    assert found.reached == pytest.approx((1.0, onward))
    assert found.cost == pytest.approx(1.0 + onward * 20)


def test_queries_that_escalate_are_harder_than_the_average():
    tiers = [Tier(0.6, 1.0, keeps_right=0.95, keeps_wrong=0.1), Tier(0.85, 20.0)]
    alike, unlike = cascade(tiers, np.inf), cascade(tiers, 1.2)
    assert unlike.accuracy < alike.accuracy


@given(st.floats(0.05, 1.0), st.floats(1.0, 1e6))
def test_a_split_never_saves_more_than_the_inverse_of_its_hard_share(hard, ratio):
    assert routed_multiplier(hard, ratio) <= 1 / hard + 1e-9


def test_an_80_20_split_never_saves_five_fold():
    assert routed_multiplier(0.2, 1e12) <= 5.0
    assert round(routed_multiplier(0.2, 50.0), 2) == 4.63


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.floats(0.1, 0.95), st.floats(0.1, 50), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=4
    ),
    st.one_of(st.floats(0.4, 20), st.just(math.inf)),
)
def test_every_query_of_a_cascade_is_answered_once(rows, concentration):
    found = cascade([Tier(*row) for row in rows], concentration)
    assert sum(found.answered) == pytest.approx(1.0)
    assert list(found.reached) == sorted(found.reached, reverse=True)
    assert 0 <= found.accuracy <= 1


@pytest.mark.parametrize("accuracy_of_tier", [0.2, 0.6, 0.74, 0.95])
@pytest.mark.parametrize("concentration", [0.67, 1.2, 2.9])
def test_one_tier_is_as_accurate_as_it_says(accuracy_of_tier, concentration):
    assert cascade([Tier(accuracy_of_tier, 1.0)], concentration).accuracy == pytest.approx(accuracy_of_tier, abs=0.005)
