"""Points, their predictions and the scores of both, as the commands need them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from capplan.catalog.accelerators import Accelerator
from capplan.catalog.engines import Profile, profile
from capplan.engine.point import Point
from capplan.engine.predict import Prediction, ProfileOf, predict
from capplan.measured.open_loop import waits_s
from capplan.measured.pairs import Estimate
from capplan.measured.points import Refusal

MS_PER_S = 1e3  # points files carry times in milliseconds
PREDICTED = (
    "predicted_out_tps_total",
    "predicted_ttft_ms",
    "predicted_tpot_ms",
    "predicted_e2e_ms",
    "refused",
    "predicted_out_tps_total_low",
    "predicted_out_tps_total_high",
    "predicted_ttft_ms_low",
    "predicted_ttft_ms_high",
    "predicted_tpot_ms_low",
    "predicted_tpot_ms_high",
    "predicted_e2e_ms_low",
    "predicted_e2e_ms_high",
    "predicted_notes",
)


def predict_all(read: Sequence[Point | Refusal], own_profile: str | None = None) -> list[Prediction]:
    """A prediction for each point, in order; an unreadable row's says why.

    own_profile: a profile's name or the path of one that `calibrate` wrote, in place of each row's own engine.
    """
    points = [point for point in read if isinstance(point, Point)]
    found = iter(predict(points, _chosen(own_profile)) if own_profile else predict(points))
    return [next(found) if isinstance(point, Point) else Prediction(refused=point.reason) for point in read]


def estimates(predictions: Sequence[Prediction], read: Sequence[Point | Refusal] = ()) -> list[Estimate]:
    """Predictions as scoring sees them; with their points, percentiles of TTFT at an offered rate too."""
    made = [
        Estimate(p.out_tps_total, p.tpot_s, p.ttft_s, p.e2e_s, p.low, p.high, p.ttft_low, p.ttft_high, p.refused or "")
        for p in predictions
    ]
    if not read:
        return made
    return [
        replace(one, waits_s=waits_s(point, p)) if isinstance(point, Point) else one
        for one, p, point in zip(made, predictions, read, strict=True)
    ]


def predicted_cells(point: Point | Refusal, prediction: Prediction) -> dict[str, object]:
    """The columns that `predict` adds to a row: times in milliseconds, None where refused."""
    notes = [*prediction.notes]
    if isinstance(point, Point):
        notes += [f"{a.key} = {a.value} ({a.source})" for a in point.assumptions]
    cells: dict[str, object] = {"refused": prediction.refused or "", "predicted_notes": "; ".join(notes)}
    figures = {
        "predicted_out_tps_total": prediction.out_tps_total,
        "predicted_ttft_ms": _ms(prediction.ttft_s),
        "predicted_tpot_ms": _ms(prediction.tpot_s),
        "predicted_e2e_ms": _ms(prediction.e2e_s),
    }
    for name, value in figures.items():
        first = name == "predicted_ttft_ms"
        low, high = (prediction.ttft_low, prediction.ttft_high) if first else (prediction.low, prediction.high)
        cells[name] = value
        cells[f"{name}_low"] = None if value is None else value * low
        cells[f"{name}_high"] = None if value is None else value * high
    return {name: cells[name] for name in PREDICTED}


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * MS_PER_S


def _chosen(reference: str) -> ProfileOf:
    """One profile for all rows, with the block of each row's era and of its chip's vendor."""

    def profile_of(point: Point, chip: Accelerator) -> Profile:
        return profile(reference, chip.vendor, point.engine_year, Path())

    return profile_of
