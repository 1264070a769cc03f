"""The tutorial's closed form: one accelerator is one replica and serves one query at a time.

Kept for teaching and as an anchor for tests; nothing else in the planner uses its simplifications. It knows no limit of
memory, so whoever calls it says whether the model fits. All functions broadcast over K (and over anything else).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.records import dataclass

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Conventions:
    """The constants that define the closed form; they are its text, not measurements.

    Source: mlsysim 0.3.0 `ServingModel`, `InferenceScalingModel` and `EconomicsModel`, as the tutorial calls them.
    """

    prefill_efficiency: float = 0.5  # share of the peak that the prefill reaches
    dispatch_s: float = 1e-5  # once a prefill
    layer_s: float = 1e-5  # once a layer and token: the framework's overhead
    tokens_per_step: int = 50
    node_accelerators: int = 8


@dataclass(frozen=True)
class TextbookModel:
    """A model as the closed form sees it: dense, whatever it is.

    kv_bytes_per_token: keys and values of one prompt token in all layers.
    """

    parameters: float
    layers: int
    hidden: int
    bytes_per_parameter: float
    kv_bytes_per_token: float


@dataclass(frozen=True)
class TextbookAccelerator:
    """peak_flop_per_s: dense, at the precision of the weights."""

    peak_flop_per_s: float
    memory_bandwidth_bytes_per_s: float
    tdp_w: float


@dataclass(frozen=True)
class Query:
    """One query, alone on its accelerator; arrays have the shape of K."""

    ttft_s: Floats
    itl_s: Floats
    time_s: Floats
    tokens: Floats
    energy_j: Floats
    multiplier: Floats


def ttft_s(
    model: TextbookModel, chip: TextbookAccelerator, prompt_tokens: ArrayLike, law: Conventions | None = None
) -> Floats:
    """Time to the first token: (2 P S + 4 L H S^2) / (0.5 F) + dispatch.

    Attention is taken as if it were not causal, and every parameter as active.

    >>> model = TextbookModel(8e9, layers=32, hidden=4096, bytes_per_parameter=2, kv_bytes_per_token=131072)
    >>> float(ttft_s(model, TextbookAccelerator(989e12, 3.35e12, 700), 2048).round(5))  # (32.8 + 2.2) T / 494.5 T/s
    0.07072
    """
    form = law or Conventions()
    s = np.asarray(prompt_tokens, np.float64)
    flop = 2 * model.parameters * s + 4 * model.layers * model.hidden * s**2
    return flop / (form.prefill_efficiency * chip.peak_flop_per_s) + form.dispatch_s


def itl_s(
    model: TextbookModel, chip: TextbookAccelerator, prompt_tokens: ArrayLike, law: Conventions | None = None
) -> Floats:
    """Time of one output token: all weights and the prompt's KV read once at peak bandwidth, plus 0.01 ms a layer.

    The KV cache never grows past the prompt.

    >>> model = TextbookModel(8e9, layers=32, hidden=4096, bytes_per_parameter=2, kv_bytes_per_token=131072)
    >>> float(itl_s(model, TextbookAccelerator(989e12, 3.35e12, 700), 2048).round(5))  # 16.27 GB / 3.35 TB/s + 0.32 ms
    0.00518
    """
    form = law or Conventions()
    kv_bytes = model.kv_bytes_per_token * np.asarray(prompt_tokens, np.float64)
    weight_bytes = model.parameters * model.bytes_per_parameter
    return (weight_bytes + kv_bytes) / chip.memory_bandwidth_bytes_per_s + form.layer_s * model.layers


def query(
    model: TextbookModel,
    chip: TextbookAccelerator,
    prompt_tokens: ArrayLike,
    k: ArrayLike,
    law: Conventions | None = None,
    tokens_per_step: ArrayLike | None = None,
) -> Query:
    """One query of K reasoning steps: TTFT + K x 50 x ITL; its energy is TDP x that time.

    There are no answer tokens: the last step is the answer. `multiplier` is the time over that at K = 1.
    tokens_per_step: 50 in the tutorial.

    >>> model = TextbookModel(8e9, layers=32, hidden=4096, bytes_per_parameter=2, kv_bytes_per_token=131072)
    >>> answer = query(model, TextbookAccelerator(989e12, 3.35e12, 700), 2048, [1, 8])
    >>> answer.time_s.round(3).tolist()  # 70.7 ms + K x 50 x 5.18 ms
    [0.33, 2.141]
    """
    form = law or Conventions()
    steps = np.asarray(k, np.float64)
    first = ttft_s(model, chip, prompt_tokens, form)
    per_token = itl_s(model, chip, prompt_tokens, form)
    step_tokens = np.asarray(form.tokens_per_step if tokens_per_step is None else tokens_per_step, np.float64)
    step_s = step_tokens * per_token
    time_s = first + steps * step_s
    return Query(
        ttft_s=np.broadcast_to(first, time_s.shape),
        itl_s=np.broadcast_to(per_token, time_s.shape),
        time_s=time_s,
        tokens=np.broadcast_to(steps * step_tokens, time_s.shape),
        energy_j=chip.tdp_w * time_s,
        multiplier=time_s / (first + step_s),
    )


def accelerators(time_s: ArrayLike, qps: ArrayLike, law: Conventions | None = None) -> Counts:
    """Accelerators for Q requests/s: int(Q x t) + 1, rounded up to whole nodes of 8.

    The mean load fills them to the last; no queue, no peak.

    >>> int(accelerators(67.4827, 100))
    6752
    """
    form = law or Conventions()
    needed = np.floor(np.asarray(qps, np.float64) * np.asarray(time_s, np.float64)).astype(np.int64) + 1
    nodes: Counts = -(-needed // form.node_accelerators)
    return nodes * form.node_accelerators
