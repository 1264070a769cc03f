"""The answer of `risk` as rows of a report: quantiles, odds, what each input does, regrets."""

from collections.abc import Mapping
from decimal import Decimal

from capplan.search.breakeven import cents
from capplan.search.inputs import shown_range
from capplan.search.risk import Risk

_MONEY = ("annual_tco_usd", "capex_usd_per_year", "energy_usd_per_year", "maintenance_usd_per_year",
          "rent_usd_per_year")  # fmt: skip

# Columns that tell the rows apart.
AXES = ("part", "quantile", "target", "input", "candidate")


def rows(found: Risk) -> list[Mapping[str, object]]:
    """`part` says what a row is: the `plan` at the middle, a `quantile`, `odds` of a target, an `input`, a `regret`.

    low, mid and high of an input are SI; `range` has them with the unit of the scenario file. Quantiles are of each
    column by itself: they do not add up. Money is to the cent.
    """
    plan = {**found.plan.row, "part": "plan", "feasible": True, "possible": found.possible,
            "mean_usd": cents(found.mean_usd)}  # fmt: skip
    quantiles = [
        {"part": "quantile", "quantile": name, **{k: cents(v) if k in _MONEY else v for k, v in values.items()}}
        for name, values in found.quantiles.items()
    ]
    odds = [{"part": "odds", "target": one.target, "odds_sized": one.sized, "odds_kept": one.kept}
            for one in found.odds]  # fmt: skip
    inputs = [
        {"part": "input", "input": one.input.path, "range": shown_range(found.plan.scenario, one.input),
         "low": one.input.low, "mid": one.input.mid, "high": one.input.high,
         "law": one.input.law, "source": one.input.source, "low_usd": _cents(one.low_usd),
         "high_usd": _cents(one.high_usd), "low_gpus": one.low_gpus, "high_gpus": one.high_gpus}
        for one in found.tornado
    ]  # fmt: skip
    regrets = [
        {"part": "regret", "candidate": one.name, "regret_p95_usd": _cents(one.usd),
         "regret_mean_usd": _cents(one.mean_usd), "best": one.best, "possible": one.possible}
        for one in found.regrets
    ]  # fmt: skip
    return [plan, *quantiles, *odds, *inputs, *regrets]


def _cents(usd: float | None) -> Decimal | None:
    return None if usd is None else cents(usd)
