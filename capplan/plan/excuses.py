"""Why a plan cannot be, and the smallest change to the scenario that would let it."""

from collections.abc import Callable

import numpy as np

from capplan.engine.excuse import Excuse
from capplan.engine.layout import Layout
from capplan.engine.precision import precision
from capplan.engine.serving import Requests, most_sequences
from capplan.plan.deployment import Deployment
from capplan.scenario.schema import Scenario

_LABELS = {"ttft": "TTFT", "itl": "ITL", "ttfo": "TTFO", "tta": "TTA"}


def does_not_fit(
    scenario: Scenario, deployment: Deployment, layout: Layout, weight_bytes: float, requests: Requests, row: int
) -> Excuse:
    """The weights, or the weights with one sequence beside them, exceed the memory of each GPU of the layout."""
    engine, chip = deployment.engine, deployment.accelerator
    usable = engine.memory_utilization * deployment.device_bytes - engine.reserved_bytes
    one = _row(requests, row)
    changes = _cure(scenario, deployment, layout, one)
    gpus = int(layout.gpus)
    text = (
        f"{deployment.model.name} in {scenario.serving.weights} puts {weight_bytes / 1e9:,.1f} GB of weights on "
        f"each of {gpus} x {chip.name}, which has {deployment.device_bytes / 1e9:,.1f} GB and "
        f"{usable / 1e9:,.1f} GB for weights and KV cache"
    )
    if weight_bytes < usable:
        text += f"; one sequence of {float(one.held_tokens):,.0f} tokens does not fit beside them"
    cure = _said(changes) if changes else "a smaller model, or an accelerator with more memory"
    return Excuse("memory", text, cure, changes, weight_bytes, usable, "bytes")


def too_many_sequences(scenario: Scenario, fits: float) -> Excuse:
    """A given concurrency that the KV cache cannot hold."""
    wanted = float(scenario.serving.concurrency)
    return Excuse(
        "kv_cache",
        f"{wanted:,.0f} sequences in flight are asked for, and the KV cache holds {fits:,.0f}",
        f"serving.concurrency: {fits:,.0f}",
        {"serving.concurrency": int(fits)},
        wanted,
        fits,
        "count",
    )


def missed_target(scenario: Scenario, target: str, value_s: float, limit_s: float, alone_s: float) -> Excuse:
    """A latency limit that is missed at peak; `alone_s` is the figure of a query that has a replica for itself."""
    metric, _, which = target.removesuffix("_s").rpartition("_")
    label = f"{_LABELS[metric]} {which}"
    relaxed = _above(value_s)
    key = f"targets.{metric}_{which}"
    if alone_s > limit_s:
        message = f"{label} is {alone_s:.3g} s for a query alone on its replica, over the limit of {limit_s:g} s: no number of replicas cures it"
        cure = f"fewer tokens to think, more tensor parallelism, a faster accelerator, or {key}: {relaxed:g} s"
    else:
        message = f"{label} is {value_s:.3g} s at peak, over the limit of {limit_s:g} s"
        cure = f"{key}: {relaxed:g} s, or a lower serving.concurrency"
    return Excuse(metric + "_" + which, message, cure, {key: f"{relaxed:g} s"}, value_s, limit_s, "s")


def missed_limit(constraint: str, label: str, value: float, limit: float, unit: str, more: bool) -> Excuse:
    """A limit on money, power or accuracy that the plan misses."""
    side = "under" if more else "over"
    text = f"{label} is {value:,.6g}, {side} the limit of {limit:,.6g}"
    return Excuse(constraint, text, f"targets.{constraint}: {value:,.6g}", {}, value, limit, unit)


def _above(value: float) -> float:
    """Rounded up to two digits, so that the plan meets it."""
    step = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(np.ceil(value / step) * step)


def _row(requests: Requests, row: int) -> Requests:
    def pick(values: object) -> float:
        return float(np.asarray(values).reshape(-1)[row if np.size(values) > 1 else 0])

    return Requests(*(pick(getattr(requests, name)) for name in Requests.__dataclass_fields__))


def _cure(scenario: Scenario, deployment: Deployment, layout: Layout, one: Requests) -> dict[str, object]:
    """The first change of one key, from the least intrusive up, with which at least one sequence fits."""
    serving = scenario.serving
    options: list[tuple[str, object, Callable[[], bool]]] = []
    for kv in ("fp8",):
        if serving.kv_cache == "bf16":
            options.append(("serving.kv_cache", kv, lambda: _fits(deployment, layout, one, serving.weights, "fp8")))
    tensor = int(layout.tensor)
    while tensor < 8:
        tensor *= 2
        wider = Layout(float(tensor), layout.pipeline, layout.expert, layout.attention_data)
        options.append(
            (
                "serving.tensor_parallel",
                tensor,
                lambda w=wider: _fits(deployment, w, one, serving.weights, serving.kv_cache),
            )  # type: ignore[misc]
        )
    for weights in {"bf16": ("fp8", "fp4"), "fp8": ("fp4",), "int8": ("int4",)}.get(serving.weights, ()):
        options.append(
            ("serving.weights", weights, lambda w=weights: _fits(deployment, layout, one, w, serving.kv_cache))
        )  # type: ignore[misc]
    for stages in (2, 4, 8):
        deeper = Layout(layout.tensor, layout.pipeline * stages, layout.expert, layout.attention_data)
        options.append(
            (
                "serving.pipeline_parallel",
                int(deeper.pipeline),
                lambda d=deeper: _fits(deployment, d, one, serving.weights, serving.kv_cache),
            )  # type: ignore[misc]
        )
    return next(({key: value} for key, value, works in options if works()), {})


def _fits(deployment: Deployment, layout: Layout, one: Requests, weights: str, kv_cache: str) -> bool:
    from dataclasses import replace

    chip = deployment.rates
    stored = precision(
        deployment.model.architecture, weights, kv_cache, chip.operators, frozenset(chip.peak_flop_per_s)
    )
    replica = replace(deployment, precision=stored, draft=None).replica(layout)
    return float(most_sequences(replica, one)) >= 1.0


def _said(changes: dict[str, object]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in changes.items())
