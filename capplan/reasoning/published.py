"""Published accuracies and the laws' parameters, read from configs/quality."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import cast

from capplan.catalog import figures, files
from capplan.catalog.files import CatalogError, Tree
from capplan.errors import UserError
from capplan.reasoning.accuracy import curve_file
from capplan.reasoning.accuracy.base import Base
from capplan.reasoning.accuracy.value import GIVEN, PUBLISHED, Accuracy, wilson
from capplan.reasoning.range import Range
from capplan.units import parse

Words = Mapping[str, Tree]


def base(
    model: str,
    benchmark: str | None = None,
    single_accuracy: float | None = None,
    curve: Path | None = None,
    direct_accuracy: float | None = None,
    problems: float | None = None,
) -> Base:
    """What is known about one sample of `model`: from the user's curve or figure, else from the benchmark's file.

    model: catalogue name. direct_accuracy: of answers without thinking, whatever says the rest. problems: on which the
    user's figures were measured; without, they have no interval. Raises UserError for a benchmark that the catalogue
    has not, or a curve that cannot be read.
    """
    laws = default_laws()
    if curve is not None:
        return replace(laws, curve=curve_file.read(curve))
    if direct_accuracy is not None:
        laws = replace(laws, direct=_given("quality.direct_accuracy", direct_accuracy, problems))
    if single_accuracy is not None:
        return replace(laws, single=_given("quality.single_sample_accuracy", single_accuracy, problems))
    if benchmark is None:
        return replace(laws, reason="no `quality` section: give benchmark, single_sample_accuracy or curve")
    return _published(laws, model, benchmark)


def _published(laws: Base, model: str, benchmark: str) -> Base:
    entry = figures.entry("quality", benchmark)
    if entry.plain.get("measures") != "benchmark":
        raise UserError(
            f"quality.benchmark: '{entry.name}' holds a law's parameters, not a benchmark "
            f"(choose one of {', '.join(benchmarks())})"
        )
    points = _mapping(entry.plain, "points")
    wanted = files.normal(model)
    name = next((known for known in points if files.normal(known) == wanted), None)
    if name is None:
        return replace(
            laws,
            reason=f"no point of {model} on {entry.name}; published for {', '.join(points)}. "
            "Give quality.single_sample_accuracy or quality.curve",
        )
    known = _mapping(points, name)
    problems = parse(str(entry.plain["problems"]), "count") if "problems" in entry.plain else None
    title = str(entry.plain["title"])
    measured = {
        metric: _accuracy(title, name, metric, str(value), problems)
        for metric, value in known.items()
        if metric == "pass@1" or metric.startswith("cons@")
    }
    found = replace(
        laws,
        single=measured.get("pass@1"),
        votes={int(key[5:]): one for key, one in measured.items() if key.startswith("cons@")},
    )
    if "concentration" in known:
        fitted = float(str(known["concentration"]))
        basis = f"concentration {fitted:g} fitted to {name} on {title}"
        found = replace(found, concentration=Range(fitted, fitted, fitted, basis), concentration_fitted=True)
    return found


def benchmarks() -> list[str]:
    """Names of the benchmarks with published points."""
    return [name for name in files.names("quality") if files.load("quality", name).get("measures") == "benchmark"]


@lru_cache(maxsize=4)
def _default_laws(_hash: tuple[str, ...]) -> Base:
    voting, verifiers = figures.entry("quality", "voting").plain, figures.entry("quality", "verifiers").plain
    refinement = figures.entry("quality", "refinement").plain
    return Base(
        concentration=_range(voting, "concentration"),
        vote_share=parse(str(voting["vote_share"]), "ratio"),
        outcome=_range(verifiers, "outcome"),
        process=_range(verifiers, "process"),
        search=_range(verifiers, "search"),
        correction_limit=_range(refinement, "limit"),
        correction_rate=_range(refinement, "rate"),
    )


def default_laws() -> Base:
    """The laws' parameters where nothing is known about the model."""
    return _default_laws(tuple(str(root) for root in files.roots()))


def law_range(entry: str, key: str) -> Range:
    """A parameter {low, mid, high} of a file of configs/quality, such as `budgets`, `hint_reduction`."""
    return _range(figures.entry("quality", entry).plain, key)


def _range(tree: Words, key: str) -> Range:
    node = _mapping(tree, key)
    low, mid, high = (parse(str(node[end]), "ratio") for end in ("low", "mid", "high"))
    return Range(low, mid, high, f"{key} {mid:g} ({low:g} to {high:g}, {tree.get('title')})")


def _mapping(tree: Words, key: str) -> Words:
    node = tree.get(key)
    if not isinstance(node, dict):
        raise CatalogError(f"configs/quality: '{key}' must be a mapping")
    return cast(Words, node)


def _given(key: str, share: float, problems: float | None) -> Accuracy:
    low, high = wilson(share, problems) if problems else (share, share)
    sized = f"interval from {problems:.0f} problems" if problems else "quality.problems is not given, so no interval"
    return Accuracy(share, low, high, GIVEN, "pass@1", f"{key}; {sized}")


def _accuracy(title: str, model: str, metric: str, text: str, problems: float | None) -> Accuracy:
    share = parse(text, "ratio")
    low, high = wilson(share, problems) if problems else (share, share)
    sized = f"interval from {problems:.0f} problems" if problems else "number of problems not published, no interval"
    return Accuracy(share, low, high, PUBLISHED, metric, f"{model} on {title}, {metric}; {sized}")
