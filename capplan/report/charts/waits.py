"""How long queries wait, as the plan's own percentiles."""

from collections.abc import Mapping

from .chart import Chart
from .marks.spans import Spans

_SHOWN = ("ttft", "ttfo", "tta")


def waits(figures: Mapping[str, float], title: str = "What a user waits for") -> Chart:
    """Median to p99 of TTFT, TTFO and TTA, with mean and p95, each on its own scale.

    figures: seconds by name, `ttft_mean_s` to `tta_p99_s`; a metric that lacks one is left out.
    """
    rows = []
    for name in _SHOWN:
        found = {label: figures.get(f"{name}_{which}_s") for label, which in
                 (("median", "p50"), ("mean", "mean"), ("p95", "p95"), ("p99", "p99"))}  # fmt: skip
        if all(found.values()):
            rows.append({"latency": name.upper(), **found})
    said = "; ".join(f"{row['latency']}: half of the queries within {row['median']:.3g} s, 95 of 100 within "
                     f"{row['p95']:.3g} s, 99 within {row['p99']:.3g} s" for row in rows)  # fmt: skip
    mark = Spans(
        "latency",
        "median",
        "p99",
        "seconds",
        (("median", "o"), ("mean", "m"), ("p95", "5"), ("p99", "9")),
        log=True,
        apart=True,
    )
    return Chart("latency", title, f"{said}." if said else "", tuple(rows), mark)
