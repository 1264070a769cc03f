"""An engine profile's residual costs fitted to measured rows, and the file that holds them."""

import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from capplan.catalog.accelerators import Accelerator
from capplan.catalog.engines import Overheads, Profile, overhead_block, profile, with_overheads
from capplan.catalog.files import load
from capplan.engine.point import Point
from capplan.engine.predict import Prediction, predict
from capplan.errors import UserError
from capplan.measured.calibrate import Fit, fit
from capplan.measured.fit_error import FitError
from capplan.measured.names import resolve_accelerator
from capplan.measured.observed import E2E, THROUGHPUT, TPOT, TTFT, observed
from capplan.measured.points import Refusal
from capplan.measured.problem import NOISE, Parameter, Predict, Targets, Values
from capplan.measured.saturation import below_saturation
from capplan.measured.table import INPUTS, Row

# Spread of a logarithm that the prior allows: costs in seconds within a factor of two, factors on kernels within 15 %.
SECONDS_SIGMA, FACTOR_SIGMA = 0.7, 0.15
SECONDS_REACH, FACTOR_REACH = 20.0, 2.0  # bounds: start over and times this
_HIGHEST = {"kv_reuse": 1.0}  # a share
# TTFT is noisier than what lasts for the whole run: one burst at the start, one step of luck.
TTFT_NOISE = 0.25
_READ: dict[str, Callable[[Prediction], float | None]] = {
    THROUGHPUT: lambda p: p.out_tps_total,
    TPOT: lambda p: p.tpot_s,
    TTFT: lambda p: p.ttft_s,
    E2E: lambda p: p.e2e_s,
}
_SERIES = tuple(sorted(INPUTS - {"row_id", "concurrency", "num_prompts", "request_rate", "isl_mean_actual"}))


@dataclass(frozen=True)
class Measurements:
    """Measured values of some rows, one a row and quantity; `points[of_point[i]]` is what the i-th was measured on."""

    points: tuple[Point, ...]
    of_point: tuple[int, ...]
    quantities: tuple[str, ...]
    targets: Targets


@dataclass(frozen=True)
class Base:
    """The engine profile that a fit starts from, and the chip's vendor it is for."""

    engine: str
    vendor: str
    year: float
    profile: Profile


def fit_engine(
    rows: Sequence[Row],
    points: Sequence[Point | Refusal],
    engine: str | None = None,
    names: Sequence[str] | None = None,
    with_latency: bool = True,
) -> tuple[Base, Fit]:
    """An engine's residual costs fitted to measured rows; raises UserError where the rows do not carry a fit.

    engine: the profile to fit where the rows do not tell one. names: exactly these costs, refused where not carried.
    """
    base = base_of(points, engine)
    measured = measurements(rows, points, (TPOT, TTFT) if with_latency else ())
    if not len(measured.targets):
        raise UserError("no measured values to fit: fill out_tps_total, tpot_ms_*, ttft_ms_* or e2e_ms_*")
    wanted = parameters(base.profile.overheads, names)
    return base, fit(wanted, measured.targets, predictor(measured, base.profile), insist=names is not None)


def measurements(
    rows: Sequence[Row],
    points: Sequence[Point | Refusal],
    beside: Collection[str] = (TPOT, TTFT),
    below: Sequence[bool] | None = None,
) -> Measurements:
    """Each row's primary value and, where measured, the quantities `beside` it; TTFT below saturation only.

    A row without `primary_metric` counts by its throughput, else by its end-to-end time.
    below: which rows lie below saturation, where the rows are part of a larger table.
    """
    below = below_saturation(rows) if below is None else below
    kept: list[Point] = []
    found: list[tuple[int, str, float, str, str]] = []
    for row, point, is_below in zip(rows, points, below, strict=True):
        if isinstance(point, Refusal):
            continue
        seen = observed(row)
        primary = seen.primary_quantity or (THROUGHPUT if seen.out_tps_total else E2E)
        wanted = [primary, *(one for one in (TPOT, TTFT) if one in beside and (is_below or one != TTFT))]
        kind = f"{row.get('source') or row.get('submitter', '')}/{point.load_type}"
        series = "|".join(row.get(name, "") for name in _SERIES)
        for quantity in dict.fromkeys(wanted):
            if value := seen.of(quantity):
                found.append((len(kept), quantity, value, f"{kind}/{quantity}", series))
        kept.append(point)
    places, quantities, values, groups, series_names = zip(*found, strict=True) if found else ((),) * 5
    noise = tuple(TTFT_NOISE if quantity == TTFT else NOISE for quantity in quantities)
    return Measurements(tuple(kept), places, quantities, Targets(values, groups, series_names, noise))


def base_of(points: Sequence[Point | Refusal], engine: str | None = None) -> Base:
    """The one engine and vendor of the points; raises UserError where they are of several."""
    read = [point for point in points if isinstance(point, Point)]
    engines = sorted({point.engine for point in read})
    vendors = sorted({resolve_accelerator(point.accelerator).vendor for point in read})
    if engine is None and len(engines) != 1:
        raise UserError(f"rows of {', '.join(engines) or 'no engine'}; choose one with --engine")
    if len(vendors) != 1:
        raise UserError(f"rows on chips of {', '.join(vendors) or 'no vendor'}; a profile is for one vendor's")
    name = engine or engines[0]
    years = sorted(point.engine_year for point in read)
    year = years[len(years) // 2]
    return Base(name, vendors[0], year, profile(name, vendors[0], year))


def parameters(base: Overheads, names: Sequence[str] | None = None) -> list[Parameter]:
    """The residual costs to fit, around a profile's; one that is zero there has no scale and is left out.

    names: keys of the profile file such as `step` or `gemm`; all where None. Raises UserError for an unknown one.
    """
    known = {_key(field.name): field.name for field in fields(Overheads)}
    if unknown := [name for name in names or () if name not in known]:
        raise UserError(f"'{unknown[0]}' is no residual cost; choose from {', '.join(known)}")
    chosen = [known[name] for name in names] if names else list(known.values())
    return [one for name in chosen if (one := _parameter(name, getattr(base, name))) is not None]


def predictor(measured: Measurements, base: Profile) -> Predict:
    """Predictions of the measured quantities under other residual costs."""

    def predicted(rows: Sequence[int], values: Values) -> list[float | None]:
        engine = with_overheads(base, replace(base.overheads, **values))
        needed = sorted({measured.of_point[at] for at in rows})
        results = predict([measured.points[at] for at in needed], lambda point, chip: _same(engine, point, chip))
        by_point = dict(zip(needed, results, strict=True))
        return [_READ[measured.quantities[at]](by_point[measured.of_point[at]]) for at in rows]

    return predicted


def profile_text(base: Base, name: str, fitted: Fit) -> str:
    """The YAML of a fitted profile: limits of the profile it started from, fitted costs, and their errors.

    Its one block of costs serves every era and every vendor's chips, for it was asked for by name.
    """
    tree: Mapping[str, Any] = load("engines", base.engine)
    block = overhead_block(replace(base.profile.overheads, **fitted.values))
    errors = {"median_error": _percent(fitted.after.median), "left_out_error": _percent(fitted.cross_validated.median)}
    shown = {key: value for key, value in errors.items() if value}
    lines = [
        f"# {base.engine}'s residual costs, fitted by `capplan calibrate` to {fitted.after.rows} measured values.",
        f"# Median error {_percent(fitted.before.median)} before, {_percent(fitted.after.median)} after, "
        f"{_percent(fitted.cross_validated.median) or 'none'} on values left out ({fitted.folds} folds).",
        f"name: {name}",
        f"title: {tree.get('title', base.engine)}, calibrated",
        "sources:",
        *(f"  {key}: {_flow(fields)}" for key, fields in tree.get("sources", {}).items() if key != "fit"),
        f"  fit: {{kind: fit, title: capplan calibrate on {fitted.after.rows} measured values}}",
        f"limits: {_flow(tree['limits'])}",
        f"collectives: {_value(tree['collectives'])}",
        "overheads:",
        f"  - era: {base.profile.era}",
        f"    vendor: {base.vendor}",
        "    since: 0",
        "    from: fit",
        *(f"    {key}: {value}" for key, value in block.items()),
        f"    fitted: {_flow({'rows': str(fitted.after.rows), **shown})}",
        "# How each was fitted: value, and the spread of its logarithm that the data leave.",
        *(f"#   {_story(one.parameter, one.value, one.deviation, one.held)}" for one in fitted.fitted),
    ]
    return "\n".join(lines) + "\n"


def summary_lines(fitted: Fit) -> list[str]:
    """What the fit achieved, for people."""
    told = [
        f"{fitted.after.rows} measured values, {fitted.excluded} not usable",
        f"median error before          {_error(fitted.before)}",
        f"median error after           {_error(fitted.after)}",
        f"median error cross-validated {_error(fitted.cross_validated)} ({fitted.folds} folds)",
    ]
    return told + [_story(one.parameter, one.value, one.deviation, one.held) for one in fitted.fitted]


def _error(error: FitError) -> str:
    return f"{_percent(error.median) or 'none'} (p90 {_percent(error.p90) or 'none'})"


def _parameter(name: str, value: float) -> Parameter | None:
    if value <= 0:
        return None
    if name.endswith("_s"):
        return Parameter(name, value, value / SECONDS_REACH, value * SECONDS_REACH, SECONDS_SIGMA)
    high = min(value * FACTOR_REACH, _HIGHEST.get(name, value * FACTOR_REACH))
    return Parameter(name, value, value / FACTOR_REACH, max(high, value * 1.0001), FACTOR_SIGMA)


def _same(engine: Profile, point: Point, chip: Accelerator) -> Profile:
    del point, chip
    return engine


def _key(name: str) -> str:
    return name.removesuffix("_s")


def _percent(share: float) -> str:
    return "" if math.isnan(share) else f"{100 * share:.1f} %"


def _flow(tree: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_value(value)}" for key, value in tree.items()) + "}"


def _value(value: Any) -> str:
    """A scalar or mapping as YAML in flow style, quoted where a plain scalar would be read otherwise."""
    if isinstance(value, Mapping):
        return _flow(value)
    text = str(value)
    return text if re.fullmatch(r"[\w%./ -]+", text) and text.strip() == text else json.dumps(text, ensure_ascii=False)


def _story(parameter: Parameter, value: float, deviation: float, held: str) -> str:
    shown = f"{value * 1e6:.4g} us" if parameter.name.endswith("_s") else f"{value:.4g}"
    return f"{_key(parameter.name)}: {shown}" + (f", held: {held}" if held else f", +- {100 * deviation:.2g} %")
