"""Claims of the articles that do not hold: the catalogue tells each with what it comes to, and the planner agrees."""

import numpy as np
import pytest

from capplan.catalog import figures
from capplan.catalog.accelerators import accelerator
from capplan.catalog.models import model
from capplan.cost.textbook import textbook_lines
from capplan.engine.architecture import parameters
from capplan.engine.textbook import TextbookAccelerator, TextbookModel, accelerators, query
from capplan.reasoning.accuracy import quantization
from capplan.reasoning.accuracy.voting import voted
from capplan.reasoning.combined_lengths import capped
from capplan.reasoning.flop import model_flop
from capplan.reasoning.lengths import Constant
from capplan.reasoning.policies import answer_cache
from capplan.reasoning.published import law_range
from capplan.scenario.policies import AnswerCache
from capplan.search.route_limits import limits

GPT_4 = TextbookModel(1.76e12, 120, 16384, 2.0, 2 * 120 * 128 * 128 * 2)
H100 = TextbookAccelerator(989e12, 3.35e12, 700)
ERRORS = figures.entry("quality", "known-errors")


def year_usd(k: float) -> float:
    time_s = query(GPT_4, H100, 2048, k).time_s
    return float(textbook_lines(accelerators(time_s, 100), 25_000, 700).total_usd(0))


def parameters_of(name: str):
    return parameters(model(name).architecture)


def saved_by_routing(times_dearer: float) -> float:
    return limits([lambda x: 1.0 * x, lambda x: times_dearer * x], [0.8, 0.2], [0, 1]).saving


def saved_by_cache(hit_rate: float) -> float:
    return 1 / float(answer_cache.effect(AnswerCache(hit_rate=hit_rate), Constant(1.0), 1.0).reach)


# id, what it says, recomputed by, what the catalogue says it comes to, relative tolerance
RECOMPUTED = [
    (1, "not 7.6x but 6.5x for K = 8", lambda: query(GPT_4, H100, 2048, 8).multiplier, 6.504, 0.015),
    (2, "not 1.2 and 9.1 but 70.3 and 455.2 million USD a year", lambda: [year_usd(1), year_usd(8)], [70.3e6, 455.2e6],
     0.001),
    (14, "the model does not fit one accelerator but 44",
     lambda: 1.76e12 * 2 / accelerator("h100-sxm").memory_bytes, 44.0, 0.001),
    (15, "the multiplier goes to 0.786 K (0.783 by its library), not K",
     lambda: query(GPT_4, H100, 2048, 1e9).multiplier / 1e9, 0.7863, 0.005),
    (39, "a token of R1 takes 0.074 TFLOP, not 1.3", lambda: 2 * parameters_of("deepseek-r1").active / 1e12, 0.074,
     0.02),
    (47, "7B over 64K tokens takes 1,970 TFLOP, not 896",
     lambda: model_flop(model("llama-2-7b").architecture, 64e3) / 1e12, 1970, 0.03),
    (50, "64 samples at p = 0.6 reach 94.6 %, not 99", lambda: voted(0.6, 64), 0.9463, 1e-4),
    (52, "independence would take 74 % to 98 % at 16", lambda: voted(0.74, 16), 0.9781, 1e-3),
    (53, "and to 99.998 % at 64", lambda: voted(0.74, 64), 0.999977, 1e-5),
    (65, "an 80/20 split saves 4.63 and 4.81x, never 10", lambda: [saved_by_routing(m) for m in (50, 100)],
     [4.63, 4.81], 0.001),
    (80, "a saving of 3 to 5x needs 67 to 80 % hits", lambda: [saved_by_cache(hits) for hits in (0.67, 0.80)],
     [3, 5], 0.02),
    (88, "heads of 128 in all of 61 layers hold 120 GB, not hundreds", lambda: 61 * 2 * 128 * 128 * 2 * 30000 / 1e9,
     120, 0.01),
    (89, "671 GB of fp8 weights do not fit 640 GB",
     lambda: parameters_of("deepseek-r1").total > 8 * accelerator("h100-sxm").memory_bytes, True, 0),
    (90, "nor 4 B200 at 92 %",
     lambda: parameters_of("deepseek-r1").total > 0.92 * 4 * accelerator("b200-sxm").memory_bytes, True, 0),
    (94, "one stream of a 70B in fp8 on an H100 takes 211 s for 10,000 tokens",
     lambda: 10_000 * parameters_of("llama-3.1-70b").total / accelerator("h100-sxm").memory_bandwidth_bytes_per_s, 211,
     0.01),
    (95, "dense fp8 of the H100 is 1,979 TFLOP/s", lambda: accelerator("h100-sxm").peak_flop_per_s["fp8"], 1979e12, 0),
    (96, "and of the H200 too", lambda: accelerator("h200-sxm").peak_flop_per_s["fp8"], 1979e12, 0),
    (117, "the break-even is at 123,077 queries a month", lambda: 0.80 * 720 / (4680 / 1e6), 123_077, 1e-4),
    (119, "4,500 to 1,500 tokens is 66.7 % less", lambda: 1 - 1500 / (500 + 4000), 0.667, 1e-3),
    (120, "fewer tokens move the break-even up to 369,231",
     lambda: 0.80 * 720 / (4680 / 1e6) * 4500 / (500 + float(capped(Constant(4000.0), 1000.0).mean_tokens)),
     369_231, 1e-4),
    (157, "INT4 loses 1.5 % on AIME, not 10 to 18", lambda: 1 - quantization.kept("int4", "bf16", 671e9).value,
     0.015, 0.01),
    (162, "published cuts are 39 to 56 %", lambda: law_range("budgets", "hint_reduction").ends[::2],
     [0.394, 0.557], 1e-6),
]  # fmt: skip


@pytest.mark.parametrize("number, what, recompute, value, tolerance", RECOMPUTED, ids=[str(r[0]) for r in RECOMPUTED])
def test_the_planner_contradicts_the_claim_as_the_catalogue_says(number, what, recompute, value, tolerance):
    assert str(number) in ERRORS.plain["errors"]
    found = np.asarray(recompute(), dtype=float)
    assert found == pytest.approx(np.asarray(value, dtype=float), rel=tolerance, abs=1e-12), what


def test_every_wrong_claim_is_told_with_its_source_and_its_value():
    errors = ERRORS.plain["errors"]
    assert len(errors) == 66
    for number, one in errors.items():
        assert {"verdict", "claim", "stated", "recomputed"} <= one.keys(), number
    assert all(figure.source is not None for figure in ERRORS.figures())


def test_every_figure_of_the_quality_room_has_a_source():
    from capplan.catalog import files

    for name in files.names("quality"):
        missing = [figure.path for figure in figures.figures("quality", name) if figure.source is None]
        assert not missing, (name, missing)
