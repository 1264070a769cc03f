"""How near to its datasheet a chip comes, operator by operator: `configs/operators/`.

A file either lists efficiencies fitted to measured kernels, or names the chip that it is `like` and by how much its
compute, memory and fixed costs differ, for chips without kernel data.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from capplan.catalog.files import find, load_yaml
from capplan.records import dataclass
from capplan.units import parse


@dataclass(frozen=True)
class Roofline:
    """GEMM or MoE: t = pnorm(flop / (peak x compute), bytes / (bandwidth x memory); sharpness) + fixed.

    activation_bytes: extra traffic for each input activation, where it is quantised on the way.
    experts_hit: eta in "E (1 - exp(-eta T k / E)) experts are touched by T tokens"; MoE only.
    balanced: compute where all experts get the same tokens; as `compute` where that was not measured; MoE only.
    """

    compute: float
    memory: float
    fixed_s: float
    sharpness: float = 2.0
    activation_bytes: float = 0.0
    experts_hit: float = 1.0
    balanced: float = 0.0

    def __post_init__(self) -> None:
        if not self.balanced:
            object.__setattr__(self, "balanced", self.compute)


@dataclass(frozen=True)
class DecodeAttention:
    """t = fixed + per_kv_head x sequences x KV heads + KV bytes / (bandwidth x memory)."""

    memory: float
    fixed_s: float
    per_kv_head_s: float


@dataclass(frozen=True)
class PrefillAttention:
    """Share of the bf16 peak that causal attention reaches, by sequence length."""

    tokens: tuple[float, ...]
    compute: tuple[float, ...]
    fixed_s: float


@dataclass(frozen=True)
class MlaDecode:
    """Absorbed multi-head latent attention: a roofline plus a cost for each sequence."""

    compute: float
    memory: float
    fixed_s: float
    sharpness: float
    per_sequence_s: float


@dataclass(frozen=True)
class Collective:
    """t = fixed + ramp b / (b + half) + b / bandwidth for a message of b bytes."""

    fixed_s: float
    ramp_s: float
    half_bytes: float
    bandwidth_bytes_per_s: float


@dataclass(frozen=True)
class Operators:
    """The operators of one chip, by precision; `measured` is False for a chip described by analogy.

    reference: the accelerator on which they were measured; times of collectives are those of its links.
    """

    name: str
    reference: str
    measured: bool
    peak_flop_per_s: Mapping[str, float]
    memory_bandwidth_bytes_per_s: float
    gemm: Mapping[str, Roofline]
    decode_attention: Mapping[str, DecodeAttention]
    prefill_attention: PrefillAttention
    moe: Mapping[str, Roofline]
    mla_decode: Mapping[str, MlaDecode]
    collectives: Mapping[str, Mapping[int, Collective]]


@cache
def operators(name: str) -> Operators:
    """The operator efficiencies named so; raises `UnknownName` with suggestions."""
    tree: dict[str, Any] = load_yaml(find("operators", name))
    return _by_analogy(name, tree) if "like" in tree else _from_kernels(name, tree)


def _from_kernels(name: str, tree: dict[str, Any]) -> Operators:
    peaks = dict(tree["peaks"])
    bandwidth = parse(peaks.pop("memory"), "bytes_per_s")
    prefill = tree["prefill_attention"]
    return Operators(
        name=name,
        reference=name,
        measured=True,
        peak_flop_per_s={dtype: parse(peak, "flop_per_s") for dtype, peak in peaks.items()},
        memory_bandwidth_bytes_per_s=bandwidth,
        gemm={dtype: _roofline(figures) for dtype, figures in tree["gemm"].items()},
        decode_attention={
            dtype: DecodeAttention(float(f["memory"]), _s(f, "fixed"), _s(f, "per_kv_head"))
            for dtype, f in tree["decode_attention"].items()
        },
        prefill_attention=PrefillAttention(
            tuple(map(float, prefill["tokens"])), tuple(map(float, prefill["compute"])), _s(prefill, "fixed")
        ),
        moe={dtype: _roofline(figures) for dtype, figures in tree["moe"].items()},
        mla_decode={
            dtype: MlaDecode(
                float(f["compute"]), float(f["memory"]), _s(f, "fixed"), float(f["sharpness"]), _s(f, "per_sequence")
            )
            for dtype, f in tree["mla_decode"].items()
        },
        collectives={
            kind: {int(gpus): _collective(f) for gpus, f in sizes.items()}
            for kind, sizes in tree["collectives"].items()
        },
    )


def _by_analogy(name: str, tree: dict[str, Any]) -> Operators:
    base = operators(tree["like"])
    factors = {key: float(tree["relative"].get(key, 1)) for key in ("compute", "memory", "attention", "fixed", "link")}

    def scaled(kernel: Roofline) -> Roofline:
        return replace(
            kernel,
            compute=kernel.compute * factors["compute"],
            balanced=kernel.balanced * factors["compute"],
            memory=kernel.memory * factors["memory"],
            fixed_s=kernel.fixed_s * factors["fixed"],
        )

    return replace(
        base,
        name=name,
        measured=False,
        gemm={dtype: scaled(kernel) for dtype, kernel in base.gemm.items()},
        moe={dtype: scaled(kernel) for dtype, kernel in base.moe.items()},
        decode_attention={
            dtype: DecodeAttention(
                k.memory * factors["attention"], k.fixed_s * factors["fixed"], k.per_kv_head_s * factors["fixed"]
            )
            for dtype, k in base.decode_attention.items()
        },
        prefill_attention=replace(
            base.prefill_attention, compute=tuple(c * factors["compute"] for c in base.prefill_attention.compute)
        ),
        mla_decode={
            dtype: replace(k, memory=k.memory * factors["attention"], fixed_s=k.fixed_s * factors["fixed"])
            for dtype, k in base.mla_decode.items()
        },
        collectives={
            kind: {
                gpus: replace(c, bandwidth_bytes_per_s=c.bandwidth_bytes_per_s * factors["link"])
                for gpus, c in sizes.items()
            }
            for kind, sizes in base.collectives.items()
        },
    )


def _roofline(figures: Mapping[str, Any]) -> Roofline:
    return Roofline(
        compute=float(figures["compute"]),
        memory=float(figures["memory"]),
        fixed_s=_s(figures, "fixed"),
        sharpness=float(figures["sharpness"]),
        activation_bytes=float(figures.get("activation_bytes", 0)),
        experts_hit=float(figures.get("experts_hit", 1)),
        balanced=float(figures.get("balanced", 0)),
    )


def _collective(figures: Mapping[str, Any]) -> Collective:
    return Collective(
        _s(figures, "fixed"),
        _s(figures, "ramp"),
        parse(figures["half"], "bytes"),
        parse(figures["bandwidth"], "bytes_per_s"),
    )


def _s(figures: Mapping[str, Any], key: str) -> float:
    return parse(figures[key], "s")
