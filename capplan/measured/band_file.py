"""The bands of predictions from residuals of models that the fits did not see, and the file that holds them."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from capplan.catalog.accelerators import accelerator
from capplan.catalog.bands import Kind
from capplan.catalog.models import model
from capplan.catalog.operators import operators
from capplan.engine.predict import LASTING
from capplan.errors import UserError
from capplan.measured.observed import TTFT
from capplan.measured.pairs import PRIMARY, Pair
from capplan.measured.score import Accuracy

INSIDE = 0.80
# A kind with fewer rows than this leans on its neighbour: the same model and load on chips with or without kernel data.
ENOUGH_ROWS = 40


@dataclass(frozen=True)
class Widths:
    """Factors around a prediction that hold 80 % of measurements: by kind, and of TTFT."""

    kinds: Mapping[Kind, float]
    first_token: float


def widths(scores: Accuracy) -> Widths:
    """From scores of left-out models. Each row of a source x load type of n rows counts n^-1/4: large ones more."""
    primary = [pair for pair in scores.pairs if pair.metric == PRIMARY and pair.column.partition("_ms_")[0] != TTFT]
    by_kind: dict[Kind, list[Pair]] = {}
    for pair in primary:
        if pair.predicted:
            by_kind.setdefault(kind_of(pair), []).append(pair)
    kinds = {}
    for experts in (False, True):
        for steady in (True, False):
            both = [Kind(experts, kernels, steady) for kernels in (True, False)]
            for kind in both:
                own = by_kind.get(kind, [])
                kinds[kind] = spread(own if len(own) >= ENOUGH_ROWS else [p for k in both for p in by_kind.get(k, [])])
    return Widths(kinds, spread([pair for pair in scores.pairs if pair.metric == TTFT and pair.predicted]))


def kind_of(pair: Pair) -> Kind:
    """The kind of prediction that a measured value was compared with."""
    labels = pair.labels
    return Kind(
        experts=model(labels.model).architecture.moe is not None,
        kernels=operators(accelerator(labels.accelerator).operators).measured,
        steady=labels.load_type in LASTING,
    )


def spread(pairs: Sequence[Pair]) -> float:
    """The factor f such that 80 % of measurements lie between predicted / f and predicted x f, to two decimals.

    Raises UserError where nothing was predicted.
    """
    if not pairs:
        raise UserError("no measured values of a kind of prediction: its band cannot be told")
    sizes: dict[str, int] = {}
    for pair in pairs:
        sizes[pair.labels.kind] = sizes.get(pair.labels.kind, 0) + 1
    folds = sorted((abs(math.log((p.predicted or 1.0) / p.measured)), sizes[p.labels.kind] ** -0.25) for p in pairs)
    reached = list(accumulate(weight for _, weight in folds))
    limit = INSIDE * reached[-1]
    inside = next(fold for (fold, _), weight in zip(folds, reached, strict=True) if weight >= limit)
    return math.ceil(100 * math.exp(inside)) / 100


def rewritten(text: str, found: Widths) -> str:
    """The file's text with these widths; comments, sources and judged factors stay."""
    rows = "\n".join(_row(kind, width) for kind, width in _ordered(found.kinds.items()))
    text = re.sub(r"(?m)^kinds:\n(?:  - .*\n)+", f"kinds:\n{rows}\n", text)
    return re.sub(r"(?m)^first_token: \{is: [\d.]+", f"first_token: {{is: {found.first_token:g}", text)


def _ordered(kinds: Iterable[tuple[Kind, float]]) -> list[tuple[Kind, float]]:
    return sorted(kinds, key=lambda item: (item[0].experts, not item[0].kernels, not item[0].steady))


def _row(kind: Kind, width: float) -> str:
    chip, load = "kernels" if kind.kernels else "datasheet", "steady" if kind.steady else "run"
    return f"  - {{model: {'experts' if kind.experts else 'dense'}, chip: {chip}, load: {load}, spread: {width:g}}}"
