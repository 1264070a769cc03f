"""Layouts as benchmark authors write them: how the accelerators of a row are shared out, blanks filled.

Rules, in order:
1. A given degree stands. `parallel_note` such as "DEP8 PP1" or "TP4 PP2" gives what the columns leave blank.
2. `tp` equal to `attn_dp` names the whole group, as engines' `tp_size` flag does beside attention data parallelism:
   attention itself is then not split.
3. A dense model run data-parallel is that many replicas; only experts are worth joining the groups for.
4. Blank TP: a throughput run (offline, all at once, MLPerf) takes the least TP whose weights leave room for KV cache
   and copies it; any other run spreads one replica over the accelerators of a node.
5. A throughput run of a mixture of experts with latent attention splits no attention: tensor parallelism would only
   copy its cache, so operators run attention data parallel (DeepSeek's, NVIDIA's and SGLang's recipes); a `tp` told
   beside no `attn_dp` names the group there too.
6. Blank EP: the size of the group under attention data parallelism, else 1. Blank replicas: what the GPUs allow.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from capplan.engine.architecture import parameters
from capplan.engine.excuse import Assumption
from capplan.engine.point import Pool
from capplan.engine.precision import BYTES_PER_WEIGHT
from capplan.measured.assume import assume
from capplan.measured.names import known_model, resolve_accelerator
from capplan.measured.table import Row, count

# The part of a device that weights may take before too little is left for KV cache, workspace and graphs: H100 with
# Llama 2 70B in fp8 (0.87) ran at TP 2 in MLPerf 4.1, GH200 (0.73) at TP 1.
WEIGHTS_SHARE = 0.80
_DEGREE = re.compile(r"\b(DEP|TEP|TP|PP|EP|DP)(\d+)\b", re.IGNORECASE)
_THROUGHPUT_RUNS = frozenset(
    ["offline_max", "request_rate_inf", "burst", "mlperf_server_poisson", "mlperf_interactive_poisson"]
)


@dataclass(frozen=True)
class Degrees:
    """What a row says about its layout; None where blank."""

    gpus: int | None
    tp: int | None
    pp: int | None
    ep: int | None
    attn_dp: int | None
    replicas: int | None


def degrees(row: Row) -> Degrees:
    """The row's degrees, with those of `parallel_note` for blanks."""
    noted = _noted(row.get("parallel_note", ""))
    return Degrees(
        gpus=count(row, "gpu_count"),
        tp=count(row, "tp") or noted.get("tp"),
        pp=count(row, "pp") or noted.get("pp"),
        ep=count(row, "ep") or noted.get("ep"),
        attn_dp=count(row, "attn_dp") or noted.get("attn_dp"),
        replicas=count(row, "replicas"),
    )


@lru_cache(maxsize=4096)
def pool(
    given: Degrees, load_type: str, model: str, accelerator: str, weights: str
) -> tuple[Pool, tuple[Assumption, ...]]:
    """The whole layout, and a note for each degree that was filled; model and accelerator are catalogue names."""
    is_moe = known_model(model).architecture.moe is not None
    notes: list[Assumption] = []
    pp, attn_dp, replicas = given.pp or 1, given.attn_dp or 1, given.replicas
    tp = given.tp
    if tp and attn_dp > 1 and tp % attn_dp == 0 and _too_many(given, tp * attn_dp * pp * (replicas or 1)):
        tp //= attn_dp
        notes.append(assume("tp", tp, "tp names the whole group beside attention data parallelism"))
    if attn_dp > 1 and not is_moe:
        replicas = (replicas or 1) * attn_dp
        notes.append(assume("replicas", replicas, "data parallelism of a dense model is that many replicas"))
        attn_dp = 1
    if given.attn_dp is None and load_type in _THROUGHPUT_RUNS and _copies_cache(model):
        tp, attn_dp = 1, tp or min(least_gpus(model, accelerator, weights), given.gpus or 1)
        notes.append(assume("attn_dp", attn_dp, "latent attention over experts runs attention data parallel"))
    if tp is None:
        tp = _tensor_parallel(given, load_type, model, accelerator, weights, pp * attn_dp * (replicas or 1))
        notes.append(assume("tp", tp, _why_tp(load_type)))
    per_replica = tp * attn_dp * pp
    if replicas is None:
        replicas = max(1, (given.gpus or per_replica) // per_replica)
        if replicas > 1:
            notes.append(assume("replicas", replicas, f"{given.gpus} accelerators at {per_replica} a replica"))
    ep = _expert_parallel(given.ep, tp * attn_dp, attn_dp) if is_moe else 1
    if given.ep is None and ep > 1:
        notes.append(assume("ep", ep, "experts are shared out over the attention data-parallel ranks"))
    return Pool(tp=tp, pp=pp, ep=ep, attn_dp=attn_dp, replicas=replicas), tuple(notes)


@lru_cache(maxsize=1024)
def least_gpus(model: str, accelerator: str, weights: str) -> int:
    """The fewest accelerators, a power of two, whose memory holds the weights and leaves room beside them."""
    weight_bytes = parameters(known_model(model).architecture).total * BYTES_PER_WEIGHT[weights]
    memory_bytes = resolve_accelerator(accelerator).memory_bytes
    gpus = 1
    while weight_bytes > WEIGHTS_SHARE * memory_bytes * gpus and gpus < 1024:
        gpus *= 2
    return gpus


def _copies_cache(model: str) -> bool:
    """Latent attention has one cache for all heads: tensor parallelism holds it on every GPU."""
    arch = known_model(model).architecture
    return arch.moe is not None and any(group.mla for group in arch.attention)


def _too_many(given: Degrees, needed: int) -> bool:
    return given.gpus is not None and needed > given.gpus


def _tensor_parallel(given: Degrees, load_type: str, model: str, accelerator: str, weights: str, others: int) -> int:
    least = least_gpus(model, accelerator, weights)
    if given.gpus is None:
        return least
    available = max(1, given.gpus // others)
    if load_type in _THROUGHPUT_RUNS:
        return min(available, least)
    return _power_of_two(min(available, max(resolve_accelerator(accelerator).node_gpus, least)))


def _why_tp(load_type: str) -> str:
    if load_type in _THROUGHPUT_RUNS:
        return "the least that leaves room for KV cache; the rest are replicas"
    return "one replica over the accelerators of a node"


def _expert_parallel(given: int | None, group: int, attn_dp: int) -> int:
    if given is not None:
        return given if group % given == 0 else group
    return group if attn_dp > 1 else 1


def _power_of_two(gpus: int) -> int:
    return 1 << (gpus.bit_length() - 1)


def _noted(text: str) -> dict[str, int]:
    """Degrees of a note such as "DEP8 PP1": DEP is attention data and expert parallel, TEP tensor and expert."""
    return dict(pair for kind, size in _DEGREE.findall(text) for pair in _meant(kind.upper(), int(size)))


def _meant(kind: str, size: int) -> Iterator[tuple[str, int]]:
    if kind == "DEP":
        yield from (("tp", 1), ("attn_dp", size), ("ep", size))
    elif kind == "TEP":
        yield from (("tp", size), ("ep", size))
    else:
        yield {"DP": "attn_dp"}.get(kind, kind.lower()), size
