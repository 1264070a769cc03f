"""Why a plan cannot be, and the smallest change to the scenario that would let it."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from capplan.engine.excuse import Excuse
from capplan.engine.layout import Layout
from capplan.engine.precision import precision
from capplan.engine.serving import Requests, most_sequences
from capplan.plan.candidates import MOST_TENSOR, tensor_degrees
from capplan.plan.deployment import Deployment
from capplan.records import dataclass
from capplan.scenario.schema import Scenario

_LABELS = {"ttft": "TTFT", "itl": "ITL", "ttfo": "TTFO", "tta": "TTA"}
_UNITS = {"usd": "USD", "w": "W", "ratio": ""}


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
        tokens = max(float(one.held_tokens), float(one.longest_tokens))
        text += f"; one sequence of {tokens:,.0f} tokens does not fit beside them"
    cure = _said(changes) if changes else "a smaller model, or an accelerator with more memory"
    return Excuse("memory", text, cure, changes, weight_bytes, usable, "bytes")


def prompts_do_not_fit(
    scenario: Scenario, deployment: Deployment, layout: Layout, requests: Requests, row: int
) -> Excuse:
    """The weights and one prompt exceed the memory of the pool that reads prompts."""
    small, one = layout.prefill or layout, _row(requests, row)
    wider = next((keys for keys, tried in _larger(deployment, small) if _fits(deployment, tried, one)), {})
    changes = {key.replace("serving.", "serving.prefill."): value for key, value in wider.items()}
    text = (
        f"{deployment.model.name} in {scenario.serving.weights} and one prompt do not fit the {int(small.gpus)} x "
        f"{deployment.accelerator.name} of a prefill replica"
    )
    return Excuse("memory", text, _said(changes) or "a larger layout under serving.prefill", changes)


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
        message = (
            f"{label} is {alone_s:.3g} s for a query alone on its replica, over the limit of {limit_s:g} s: "
            "no number of replicas cures it"
        )
        cure = f"fewer tokens to think, more tensor parallelism, a faster accelerator, or {key}: {relaxed:g} s"
    else:
        message = f"{label} is {value_s:.3g} s at peak, over the limit of {limit_s:g} s"
        cure = f"{key}: {relaxed:g} s, or a lower serving.concurrency"
    return Excuse(metric + "_" + which, message, cure, {key: f"{relaxed:g} s"}, value_s, limit_s, "s")


def evicted_too_often(scenario: Scenario, redone: float, tta_s: float) -> Excuse:
    """Spot GPUs are taken away so often that most of the work is lost."""
    every_s = scenario.cost.spot.eviction_every_s or 0.0
    return Excuse(
        "evictions",
        f"an answer takes {tta_s:.3g} s and spot replicas are evicted every {every_s:,.0f} s: {1 - 1 / redone:.0%} of "
        "all work is lost and done again",
        "cost.pricing: on_demand, or fewer tokens to think",
        {"cost.pricing": "on_demand"},
        redone,
        2.0,
        "ratio",
    )


def missed_limit(constraint: str, label: str, value: float, limit: float, unit: str, more: bool) -> Excuse:
    """A limit on money, power or accuracy that the plan misses; the cure is a limit that it keeps."""
    side = "under" if more else "over"
    text = f"{label} is {value:,.6g}, {side} the limit of {limit:,.6g}"
    kept = _below(value) if more else _above(value)
    written = f"{kept:.10g} {_UNITS[unit]}".strip()
    key = f"targets.{constraint}"
    return Excuse(constraint, text, f"{key}: {written}", {key: written}, value, limit, unit)


def too_long(scenario: Scenario, deployment: Deployment, requests: Requests, row: int, thinking: float) -> Excuse:
    """Prompt and output of a mean request exceed the context that the model was made for."""
    one, most = _row(requests, row), deployment.model.architecture.max_context
    prompt, output = float(one.prompt_tokens), float(one.output_tokens)
    surplus = prompt + output - most
    changes: dict[str, object] = {}
    if 0 < surplus < thinking and scenario.reasoning.strategy != "direct":
        changes = {"reasoning.thinking_budget": int(thinking - surplus)}
    elif output < most:
        changes = {"workload.prompt_tokens": int(most - output)}
    text = (
        f"{deployment.model.name} was made for {most:,} tokens of context, and a request has {prompt:,.0f} of prompt "
        f"and {output:,.0f} of output"
    )
    cure = _said(changes) if changes else "a model with a longer context, or fewer tokens"
    return Excuse("context", text, cure, changes, prompt + output, float(most), "tokens")


def _above(value: float) -> float:
    """Rounded up to two digits, so that the plan meets it."""
    step = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(np.ceil(value / step) * step)


def _below(value: float) -> float:
    """Rounded down to three digits of a ratio."""
    return float(np.floor(value * 1000) / 1000)


def _row(requests: Requests, row: int) -> Requests:
    def pick(name: str) -> float:
        values = np.ravel(np.asarray(getattr(requests, name), np.float64))
        return float(values[row if values.size > 1 else 0])

    return Requests(*(pick(name) for name in Requests.__dataclass_fields__))


@dataclass(frozen=True)
class Change:
    """Keys of the scenario set to other values, and the layout and precision that they make."""

    keys: dict[str, object]
    layout: Layout
    weights: str
    kv_cache: str

    def cures(self, deployment: Deployment, one: Requests) -> bool:
        """Whether the weights and one sequence fit then."""
        chip, arch = deployment.rates, deployment.model.architecture
        stored = precision(arch, self.weights, self.kv_cache, chip.operators, frozenset(chip.peak_flop_per_s))
        return _fits(replace(deployment, precision=stored), self.layout, one)


def _fits(deployment: Deployment, layout: Layout, one: Requests) -> bool:
    return float(np.asarray(most_sequences(deployment.replica(layout), one))) >= 1.0


def _cure(scenario: Scenario, deployment: Deployment, layout: Layout, one: Requests) -> dict[str, object]:
    """The keys of the first change with which at least one sequence fits."""
    return next((c.keys for c in _changes(scenario, deployment, layout) if c.cures(deployment, one)), {})


def _changes(scenario: Scenario, deployment: Deployment, layout: Layout) -> Iterator[Change]:
    """More GPUs before narrower formats, which may cost accuracy: each format on the fewest GPUs first."""
    layouts = list(_larger(deployment, layout))
    for narrower, weights, kv_cache in _formats(scenario.serving.weights, scenario.serving.kv_cache):
        for keys, tried in layouts:
            yield Change({**keys, **narrower}, tried, weights, kv_cache)


def _larger(deployment: Deployment, layout: Layout) -> Iterator[tuple[dict[str, object], Layout]]:
    """The layout itself, then wider ones inside the scale-up domain, then more stages across nodes."""
    arch, chip = deployment.model.architecture, deployment.accelerator
    domain = min(chip.scale_up_gpus, MOST_TENSOR) // int(layout.attention_data)
    keys: dict[str, object] = {}
    yield keys, layout
    for tensor in tensor_degrees(arch, domain):
        if tensor > layout.tensor:
            keys, layout = {"serving.tensor_parallel": tensor}, replace(layout, tensor=float(tensor))
            yield keys, layout
    for stages in (int(layout.pipeline) * more for more in (2, 4, 8)):
        if stages <= arch.layers:
            yield {**keys, "serving.pipeline_parallel": stages}, replace(layout, pipeline=float(stages))


def _formats(weights: str, kv_cache: str) -> Iterator[tuple[dict[str, object], str, str]]:
    yield {}, weights, kv_cache
    if kv_cache == "bf16":
        yield {"serving.kv_cache": "fp8"}, weights, "fp8"
    for fewer in {"bf16": ("fp8", "fp4"), "fp8": ("fp4",), "int8": ("int4",)}.get(weights, ()):
        yield {"serving.weights": fewer}, fewer, kv_cache


def _said(changes: dict[str, object]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in changes.items())
