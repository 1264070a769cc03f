"""What residual costs are expected to be before anything was measured, and how far they may go.

The middle of each prior is what profiles of the engines' own traces show; its spread is how much engines, eras and
chips differ. Kernel factors stand near 1: the kernels themselves were measured, and what is left is how an engine calls
them.
"""

from collections.abc import Sequence
from dataclasses import replace

from capplan.catalog.engines import Overheads
from capplan.measured.problem import Parameter

# name, middle, lowest, highest, spread of the logarithm; times in seconds.
_PRIORS: tuple[tuple[str, float, float, float, float], ...] = (
    # Scheduling, sampling and detokenisation of a step: 0.2 ms in C++ to several ms in Python.
    ("step_s", 8e-4, 2e-5, 3e-2, 1.0),
    # Norms, rotary embedding, quantisation and gaps: five to ten small kernels of 1 to 3 us.
    ("layer_s", 1.2e-5, 5e-7, 3e-4, 0.8),
    # Sampling and block tables of one sequence in a step.
    ("sequence_s", 5e-6, 1e-7, 3e-3, 1.0),
    # Tokenisation, admission and a slot: about a millisecond of the engine's own loop.
    ("request_s", 1e-3, 1e-4, 5e-2, 0.8),
    # HTTP, chat template, tokeniser and the first response on an otherwise idle machine.
    ("arrival_s", 0.02, 1e-3, 0.3, 0.8),
    # GEMM kernels are the best measured and the least different between engines.
    ("gemm", 1.05, 0.8, 2.0, 0.10),
    # Attention kernels differ more: paging, head sizes, splitting of long contexts.
    ("attention", 1.1, 0.7, 6.0, 0.25),
    # Grouped GEMMs differ most between engines, and routing and permutation come on top.
    ("moe", 1.1, 0.6, 3.0, 0.30),
    # A step with prompts runs without a captured graph and with uneven shapes.
    ("prefill", 1.1, 0.7, 3.0, 0.20),
    # One-shot and two-shot all-reduce, fused or not with what follows.
    ("collective", 1.1, 0.5, 6.0, 0.40),
    # Of the first queue, what remains in the mean over about ten waves.
    ("burst", 0.12, 0.005, 2.0, 0.8),
    # Equal requests that started together drift apart within a few waves.
    ("sync", 0.3, 0.01, 2.5, 0.8),
)
# Engines before fused paged attention (vLLM until its V1) launch work for each sequence in each layer, and their decode
# kernels read keys and values once for each query head.
_UNBATCHED: tuple[tuple[str, float, float, float, float], ...] = (
    ("sequence_layer_s", 1.5e-6, 1e-9, 5e-5, 1.0),
    ("kv_reuse", 0.8, 0.05, 1.0, 0.5),
)
_UNBATCHED_ERAS = frozenset({("vllm", "v0")})


def priors(engine: str, era: str) -> tuple[Parameter, ...]:
    """The residual costs that an engine of an era can have, none of them fitted."""
    rows = _PRIORS + (_UNBATCHED if (engine, era) in _UNBATCHED_ERAS else ())
    return tuple(Parameter(name, middle, low, high, sigma) for name, middle, low, high, sigma in rows)


def at(parameters: Sequence[Parameter]) -> Overheads:
    """Costs at the middle of their priors; those without a prior add nothing."""
    return replace(Overheads(), **{p.name: p.value for p in parameters})
