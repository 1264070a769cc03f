"""Traffic as it was seen: lengths of prompts, thoughts and answers, bursts, days, and shared prefixes."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict

from capplan.catalog import files
from capplan.catalog.figures import Entry, MissingFigure, entry
from capplan.units import parse

_KIND = "workloads"
_PARTS = ("prompt_tokens", "output_tokens", "thinking_tokens", "answer_tokens")


class Lognormal(BaseModel):
    """A fit: mean and deviation of ln(tokens); ks: its Kolmogorov-Smirnov distance, None where not given."""

    model_config = ConfigDict(frozen=True)

    mu: float
    sigma: float
    ks: float | None = None


class Gamma(BaseModel):
    """A fit: shape and scale (tokens); ks: its Kolmogorov-Smirnov distance."""

    model_config = ConfigDict(frozen=True)

    shape: float
    scale: float
    ks: float | None = None


class Lengths(BaseModel):
    """A distribution of token counts. quantiles: as seen, by name (`p50`); low, high: a printed range of means."""

    model_config = ConfigDict(frozen=True)

    mean_tokens: float
    cv: float | None = None
    quantiles: dict[str, float] = {}
    max_tokens: float | None = None
    lognormal: Lognormal | None = None
    gamma: Gamma | None = None
    low_tokens: float | None = None
    high_tokens: float | None = None
    source: str = ""


class Workload(BaseModel):
    """One catalogued traffic; what was not measured is None.

    output_tokens: thinking and answer together. burstiness: coefficient of variation of the gaps between arrivals.
    peak_to_mean: by the width of the window in seconds. diurnal: 24 hourly rates over their mean.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    prompt_tokens: Lengths | None = None
    output_tokens: Lengths | None = None
    thinking_tokens: Lengths | None = None
    answer_tokens: Lengths | None = None
    requests_per_s: float | None = None
    burstiness: float | None = None
    peak_to_mean: dict[float, float] = {}
    diurnal: tuple[float, ...] = ()
    prefix_cache_hit_rate: float | None = None
    sources: tuple[str, ...] = ()

    def lengths(self, part: str, needed_for: str = "the demand") -> Lengths:
        """`prompt`, `output`, `thinking` or `answer`; raises MissingFigure naming workloads that have it."""
        found = getattr(self, f"{part}_tokens")
        if found is None:
            have = ", ".join(name for name in files.names(_KIND) if f"{part}_tokens" in files.load(_KIND, name))
            raise MissingFigure(self.name, f"{part}_tokens", needed_for, f"workloads that have it: {have}")
        return found  # type: ignore[no-any-return]


def workload(name: str) -> Workload:
    """A workload by name or alias; of a task measured for many models, `task-model` (`reasoning-maths-deepseek-r1`).

    >>> workload("r1-production").lengths("output").quantiles["p99"]
    12607.0
    """
    return _workload(*_resolve(name))


def models_of(name: str) -> list[str]:
    """The models that a task's workload was measured for; empty for traffic."""
    found = entry(_KIND, name).plain.get("by_model", {})
    return list(found) if isinstance(found, dict) else []


def _resolve(name: str) -> tuple[str, str]:
    if files.exists(_KIND, name):
        return files.find(_KIND, name).stem, ""
    words = files.normal(name).split("-")
    for cut in range(1, len(words)):
        first, rest = "-".join(words[:cut]), "-".join(words[cut:])
        if files.exists(_KIND, first):
            for model in models_of(first):
                if files.normal(model) == rest:
                    return files.find(_KIND, first).stem, model
    raise _unknown(name)


def _unknown(name: str) -> files.UnknownName:
    from difflib import get_close_matches

    every = [f"{stem}-{model}" for stem in files.names(_KIND) for model in models_of(stem)]
    close = get_close_matches(files.normal(name), [*files.names(_KIND), *every], n=3, cutoff=0.5)
    return files.UnknownName(_KIND, name, tuple(close))


@lru_cache(maxsize=64)
def _workload(name: str, model: str) -> Workload:
    held = entry(_KIND, name)
    tree: dict[str, Any] = dict(held.plain)
    arrivals = tree.get("arrivals", {})
    fields: dict[str, Any] = {part: _lengths(held, part, tree[part]) for part in _PARTS if part in tree}
    if model:
        fields |= _of_model(held, model, tree["by_model"][model])
    if "prefix_cache_hit_rate" in tree:
        fields["prefix_cache_hit_rate"] = parse(tree["prefix_cache_hit_rate"], "ratio")
    return Workload(
        name=f"{name}-{model}" if model else name,
        title=f"{tree['title']}: {model}" if model else tree["title"],
        requests_per_s=parse(arrivals["rate"], "per_s") if "rate" in arrivals else None,
        burstiness=parse(arrivals["burstiness"], "ratio") if "burstiness" in arrivals else None,
        peak_to_mean={parse(k, "s"): parse(v, "ratio") for k, v in arrivals.get("peak_to_mean", {}).items()},
        diurnal=tuple(parse(value, "ratio") for value in arrivals.get("diurnal", ())),
        sources=tuple(str(source) for source in held.sources.values()),
        **fields,
    )


def _of_model(held: Entry, model: str, row: Mapping[str, Any]) -> dict[str, Lengths]:
    where = f"by_model.{model}"
    if "mean" in row:
        return {"output_tokens": _lengths(held, where, row)}
    return {f"{part}_tokens": _lengths(held, f"{where}.{part}", row[part]) for part in ("thinking", "answer")}


def _lengths(held: Entry, where: str, fields: Any) -> Lengths:
    """Lengths from a group of figures, from a printed range of means, or from one number."""
    said = next((f.source for f in held.figures() if f.path.startswith(where) and f.source), None)
    source = str(said) if said else ""
    if isinstance(fields, str):
        return Lengths(mean_tokens=parse(fields, "tokens"), source=source)
    if "low" in fields:
        low, high = (parse(fields[edge], "tokens") for edge in ("low", "high"))
        return Lengths(mean_tokens=(low + high) / 2, low_tokens=low, high_tokens=high, source=f"{source}; middle taken")
    quantiles = fields.get("quantiles") or {name: fields[name] for name in ("p50", "p90") if name in fields}
    return Lengths(
        mean_tokens=parse(fields["mean"], "tokens"),
        cv=parse(fields["cv"], "ratio") if "cv" in fields else None,
        quantiles={name: parse(value, "tokens") for name, value in quantiles.items()},
        max_tokens=parse(fields["max"], "tokens") if "max" in fields else None,
        lognormal=Lognormal.model_validate(fields["lognormal"]) if "lognormal" in fields else None,
        gamma=Gamma.model_validate(fields["gamma"]) if "gamma" in fields else None,
        source=source,
    )
