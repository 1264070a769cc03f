"""Laws of lengths: truncation, percentiles, mixtures, and the longest of several samples."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog import figures
from capplan.reasoning.combined_lengths import Scaled, mixture, part_of
from capplan.reasoning.lengths import Constant, Lognormal, Quantiles
from capplan.reasoning.longest import longest_factor
from capplan.reasoning.options import WITHIN_PROMPT_CV

# ServeGen deepseek-r1 (arXiv 2505.09999): production output tokens
R1 = Quantiles((0.5, 0.9, 0.95, 0.99), (792, 3432, 5701, 12607), maximum_tokens=32768)
R1_FIT = Lognormal(6.7742, 0.9701)

laws = st.one_of(
    st.floats(1, 1e5).map(Constant),
    st.tuples(st.floats(10, 1e4), st.floats(0.05, 3)).map(lambda x: Lognormal.from_mean_cv(*x)),
    st.tuples(st.floats(10, 1e3), st.floats(1.01, 20)).map(lambda x: Quantiles((0.5, 0.95), (x[0], x[0] * x[1]))),
)


def test_the_longest_of_eight_at_cv_0_24_is_about_1_37_times_the_mean():
    assert float(longest_factor(8, 0.24)) == pytest.approx(1.37, abs=0.01)
    assert float(longest_factor(8, 0.538)) == pytest.approx(1.90, abs=0.01)


def test_the_longest_factor_agrees_with_drawn_samples():
    drawn = np.random.default_rng(7).lognormal(sigma=np.sqrt(np.log1p(0.5**2)), size=(40_000, 16))
    measured = drawn.max(axis=1).mean() / drawn.mean()
    assert float(longest_factor(16, 0.5)) == pytest.approx(measured, rel=0.01)


@given(st.floats(1, 2000), st.floats(1, 2000), st.floats(0.01, 2))
def test_more_samples_never_end_sooner_and_one_is_its_own_longest(a, b, cv):
    few, many = sorted((a, b))
    assert float(longest_factor(few, cv)) <= float(longest_factor(many, cv)) + 1e-9
    assert float(longest_factor(1, cv)) == pytest.approx(1.0, abs=1e-6)


def test_the_shipped_spread_within_a_prompt_is_the_catalogues():
    within = figures.entry("workloads", "reasoning-maths").plain["within_prompt_cv"]
    assert float(within["p50"]) == WITHIN_PROMPT_CV


def test_quantiles_are_kept_and_the_lognormal_fit_understates_the_tail():
    assert R1.quantile_tokens(np.array([0.5, 0.9, 0.95, 0.99])) == pytest.approx([792, 3432, 5701, 12607])
    assert float(R1_FIT.quantile_tokens(0.99)) == pytest.approx(8352, rel=0.001)
    assert float(R1_FIT.quantile_tokens(0.99)) < 0.7 * 12607


def test_a_known_mean_is_kept_exactly_and_unknown_means_come_close():
    assert R1.mean_tokens == pytest.approx(1527, rel=0.04)
    assert Quantiles(R1.shares, R1.tokens, 32768, 1527.4).mean_tokens == pytest.approx(1527.4)


def test_two_quantiles_make_a_lognormal_law():
    by_quantiles = Quantiles((0.5, 0.99), tuple(float(R1_FIT.quantile_tokens(s)) for s in (0.5, 0.99)))
    assert by_quantiles.mean_tokens == pytest.approx(R1_FIT.mean_tokens, rel=0.01)
    assert float(by_quantiles.capped_mean_tokens(2000.0)) == pytest.approx(
        float(R1_FIT.capped_mean_tokens(2000.0)), rel=0.002
    )


@given(laws, st.floats(1, 1e5), st.floats(1, 1e5))
def test_a_tighter_cap_never_leaves_more_tokens_nor_cuts_fewer_requests(law, a, b):
    tight, loose = sorted((a, b))
    assert float(law.capped_mean_tokens(tight)) <= float(law.capped_mean_tokens(loose)) + 1e-6
    assert float(law.share_above(tight)) >= float(law.share_above(loose)) - 1e-12
    assert float(law.capped_mean_tokens(tight)) <= tight + 1e-6


@given(laws, st.floats(0.1, 10))
def test_no_cap_leaves_the_mean_and_a_factor_scales_it(law, factor):
    assert float(law.capped_mean_tokens(np.inf)) == pytest.approx(float(law.mean_tokens), rel=1e-6)
    scaled = Scaled(law, factor)
    capped = float(law.capped_mean_tokens(50.0))
    assert float(scaled.capped_mean_tokens(50.0 * factor)) == pytest.approx(factor * capped)


@given(laws, st.floats(1, 1e5))
def test_the_mean_square_is_never_below_the_squared_mean(law, cap):
    assert float(law.capped_square_tokens2(cap)) >= float(law.capped_mean_tokens(cap)) ** 2 * (1 - 1e-9)


def test_closed_moments_of_the_lognormal_law_agree_with_its_grid():
    drawn = np.minimum(R1_FIT.quantile_tokens((np.arange(200_000) + 0.5) / 200_000), 4000.0)
    assert float(R1_FIT.capped_mean_tokens(4000.0)) == pytest.approx(drawn.mean(), rel=1e-3)
    assert float(R1_FIT.capped_square_tokens2(4000.0)) == pytest.approx((drawn**2).mean(), rel=1e-3)


def test_a_mixture_has_the_mean_of_its_parts_and_both_their_humps():
    both = mixture([0.7, 0.3], [Lognormal.from_mean_cv(200, 0.2), Lognormal.from_mean_cv(5000, 0.2)])
    assert both.mean_tokens == pytest.approx(0.7 * 200 + 0.3 * 5000, rel=0.01)
    assert float(both.quantile_tokens(0.35)) < 260
    assert float(both.quantile_tokens(0.85)) > 4000


@given(st.floats(1, 1e4), st.floats(0.01, 0.99))
def test_one_quantile_is_a_length_for_all_requests(tokens, share):
    law = Quantiles((0.5,), (tokens,))
    assert float(law.quantile_tokens(share)) == tokens
    assert law.mean_tokens == pytest.approx(tokens)


@given(laws, st.floats(0.1, 10), st.integers(2, 8))
def test_slices_of_a_law_make_it_up_again(law, factor, count):
    ends = [i / count for i in range(count + 1)]
    whole = Scaled(law, factor)
    parts = [part_of(whole, low, high) for low, high in pairwise(ends)]
    # The shortest and the longest millionth are cut off a slice, which counts where tails are heavy.
    assert np.mean([part.mean_tokens for part in parts]) == pytest.approx(float(whole.mean_tokens), rel=0.02)
    middles = [float(part.quantile_tokens(0.5)) for part in parts]
    assert middles == sorted(middles)


def test_slices_of_requests_of_one_length_are_alike():
    assert part_of(Constant(500.0), 0.9, 1.0) == Constant(500.0)
    assert float(part_of(Scaled(Constant(500.0), 2.0), 0.9, 1.0).mean_tokens) == 1000.0
