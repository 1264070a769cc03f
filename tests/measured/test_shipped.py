"""Refitting what ships: files change in place and only where a fit speaks, and the same rows give the same bytes."""

import math
from pathlib import Path

import pytest

from capplan.catalog.bands import PATH, Kind
from capplan.catalog.engines import Overheads, profile
from capplan.catalog.files import root
from capplan.errors import UserError
from capplan.measured import band_file, profile_file, refit
from capplan.measured.band_file import Widths, spread
from capplan.measured.calibrate import LEAST_ROWS
from capplan.measured.generalise import LEFT_OUT, Generalisation, around, shipped_costs
from capplan.measured.outcome import estimates, predict_all
from capplan.measured.pairs import PRIMARY, Labels, Pair
from capplan.measured.points import resolve_table
from capplan.measured.priors import priors
from capplan.measured.profile_file import Fitted
from capplan.measured.score import accuracy
from capplan.measured.table import read_table
from capplan.report.generalisation import BEGIN, END, pasted

PUBLISHED = Path(__file__).with_name("published_points.csv")
TEXT = """name: mine
limits: {max_sequences: 8}  # as documented
overheads:
  - era: v0
    vendor: AMD
    from: fit
    step: 10 us
  - era: v0
    vendor: NVIDIA
    since: 2023
    # Measured twice.
    step: 10 us
    gemm: 1.2
    fitted: {rows: 3}
"""
FITTED = Fitted(Overheads(step_s=2e-4, moe=1.3), rows=40, median_error=0.081, left_out_error=0.125)


def pair(ratio: float, kind: str = "s/concurrency") -> Pair:
    source, _, load = kind.partition("/")
    labels = Labels("r", source, load, "vllm", "llama-3.1-8b", "h100-sxm", False)
    return Pair(labels, PRIMARY, "out_tps_total", measured=100.0, predicted=100.0 * ratio)


def test_a_fitted_block_replaces_its_costs_and_nothing_else() -> None:
    text = profile_file.rewritten(TEXT, {("NVIDIA", "v0"): FITTED})
    head, amd, nvidia = text.split("  - era")
    assert head.endswith("# as documented\noverheads:\n") and "step: 10 us" in amd
    assert "# Measured twice." in nvidia and "step: 200 us" in nvidia and "moe: 1.3" in nvidia
    assert "gemm" not in nvidia
    assert "fitted: {rows: 40, median_error: 8.1 %, left_out_error: 12.5 %}" in nvidia


def test_writing_the_same_fit_twice_changes_no_byte() -> None:
    once = profile_file.rewritten(TEXT, {("NVIDIA", "v0"): FITTED})
    assert profile_file.rewritten(once, {("NVIDIA", "v0"): FITTED}) == once


def test_a_block_that_a_file_does_not_have_is_refused() -> None:
    with pytest.raises(UserError, match="no block of era v9"):
        profile_file.rewritten(TEXT, {("NVIDIA", "v9"): FITTED})


def test_every_shipped_block_says_what_it_was_fitted_to() -> None:
    for engine in ("vllm", "sglang", "trtllm"):
        for vendor in ("NVIDIA", "AMD"):
            found = profile(engine, vendor)
            if found.exact:
                assert found.band.rows >= LEAST_ROWS and 0 < found.band.median_error < 0.2, (engine, vendor)


def test_every_fitted_cost_lies_within_its_bounds() -> None:
    for engine, year in (("vllm", 2024.0), ("vllm", 2025.9), ("sglang", 2025.9), ("trtllm", 2024.0)):
        found = profile(engine, "NVIDIA", year)
        for prior in priors(found.name, found.era):
            value = getattr(found.overheads, prior.name)
            assert prior.low * 0.999 <= value <= prior.high * 1.001, (engine, found.era, prior.name)


def test_a_spread_holds_eight_of_ten_measurements() -> None:
    pairs = [pair(math.exp(0.01 * step)) for step in range(-50, 51)]
    width = spread(pairs)
    assert sum(1 / width <= one.predicted / one.measured <= width for one in pairs if one.predicted) == pytest.approx(
        81, abs=2
    )


def test_a_large_source_does_not_set_the_spread_alone() -> None:
    tight, wide = [pair(1.01)] * 830, [pair(2.0, "other/concurrency")] * 170
    assert spread(tight + wide) > spread(tight)


def test_no_measurement_tells_no_spread() -> None:
    with pytest.raises(UserError, match="its band cannot be told"):
        spread([])


def test_bands_are_written_by_kind_and_judged_factors_stay() -> None:
    text = (root() / PATH).read_text("utf-8")
    kinds = {Kind(e, k, s): 1.5 + e + k / 4 for e in (False, True) for k in (False, True) for s in (False, True)}
    written = band_file.rewritten(text, Widths(kinds, first_token=2.25))
    assert "{model: experts, chip: kernels, load: run, spread: 2.75}" in written
    assert "first_token: {is: 2.25, from: fit}" in written
    assert [line for line in text.splitlines() if "from: ours" in line] == [
        line for line in written.splitlines() if "from: ours" in line
    ]


def test_the_same_rows_give_the_same_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refit, "ROUNDS", 1)
    table = read_table(PUBLISHED)
    read = resolve_table(table)
    first, second = (refit.refit(table.rows, read) for _ in range(2))
    assert first.fits and first.overheads == second.overheads


def test_costs_of_a_block_of_which_nothing_is_left_fall_back_to_their_priors() -> None:
    table = read_table(PUBLISHED)
    read = resolve_table(table)
    blocks = around(table.rows, read, shipped_costs(read))
    block, one = next(iter(blocks.items()))
    assert one.without([]) == one.costs
    assert one.without(range(len(read))) == one.priors, block


def test_the_table_of_a_document_is_pasted_between_its_markers_only() -> None:
    table = read_table(PUBLISHED)
    read = resolve_table(table)
    scores = accuracy(table.rows, read, estimates(predict_all(read)))
    known = Generalisation(scores, dict.fromkeys(LEFT_OUT, scores))
    text = pasted(f"before\n{BEGIN}\nstale\n{END}\nafter\n", known, known.in_sample.pairs)
    assert text.startswith(f"before\n{BEGIN}\n| ") and text.endswith(f"\n{END}\nafter\n") and "stale" not in text
    assert f"{100 * (scores.headlines[0].pooled.median or 0):.1f} %" in text
    assert pasted(text, known, known.in_sample.pairs) == text
    assert pasted("no markers\n", known, ()) == "no markers\n"
