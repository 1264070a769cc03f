"""What an engine adds to its kernels, and how it fills a GPU: `configs/engines/`, or a profile of one's own.

A file holds the engine's limits and a list of `overheads`, one block for each era and vendor: the block of the newest
era that is not younger than the version asked for, of the chip's vendor where there is one.
"""

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from capplan.catalog.files import find, load_yaml
from capplan.errors import UserError
from capplan.records import dataclass
from capplan.units import UnitError, parse


@dataclass(frozen=True)
class Overheads:
    """Residual costs of an engine on top of its kernels: all that is fitted to serving results.

    step_s: each engine step (scheduling, sampling, launch). layer_s: each layer of a step (element-wise kernels, gaps).
    sequence_s: each running sequence of a step, sequence_layer_s: each one in each layer (kernels without batching).
    request_s: each request once, holding the engine up (admission, sampling set-up, first response).
    arrival_s: each request once, on its way to the engine and back (HTTP, tokenisation), holding nobody up.
    gemm, attention, moe, prefill, collective: measured kernel time is multiplied by these.
    kv_reuse: 1 where the query heads of a group share one read of their keys and values, 0 where each reads them anew.
    burst: in a closed loop whose clients start at once, the share of that first queue which the mean TTFT keeps.
    sync: in a closed loop of equal requests, the share of the prompts of one step that go on arriving together.
    """

    step_s: float = 0.0
    layer_s: float = 0.0
    sequence_s: float = 0.0
    sequence_layer_s: float = 0.0
    request_s: float = 0.0
    arrival_s: float = 0.0
    gemm: float = 1.0
    attention: float = 1.0
    moe: float = 1.0
    prefill: float = 1.0
    collective: float = 1.0
    kv_reuse: float = 1.0
    burst: float = 0.0
    sync: float = 0.0


@dataclass(frozen=True)
class Band:
    """How far a block of overheads is off: median |predicted / measured - 1| of its own rows and of left-out ones."""

    rows: int = 0
    median_error: float = math.nan
    left_out_error: float = math.nan


@dataclass(frozen=True)
class Profile:
    """One engine in one era.

    max_sequences, max_batched_tokens: the limits of a step, on each attention-data-parallel rank.
    memory_utilization: part of the device that the engine takes, or of what the weights leave free
    (`utilization_of_free`). reserved_bytes: context, graphs, workspace. collectives: its family of all-reduce kernels.
    output_reserved: part of a request's output that holds KV on average; 1 where all is reserved on admission.
    era: the block of overheads in use; exact: whether that block was fitted for the chip's vendor.
    """

    name: str
    era: str
    max_sequences: int
    max_batched_tokens: int
    memory_utilization: float
    utilization_of_free: bool
    reserved_bytes: float
    collectives: str
    output_reserved: float = 0.55
    overheads: Overheads = Overheads()
    exact: bool = True
    band: Band = Band()


_SECONDS = {"step": "step_s", "layer": "layer_s", "sequence": "sequence_s", "sequence_layer": "sequence_layer_s",
            "request": "request_s", "arrival": "arrival_s"}  # fmt: skip
_FACTORS = {"gemm", "attention", "moe", "prefill", "collective", "kv_reuse", "burst", "sync"}
# Keys of residual costs in a block of a profile file.
COSTS = frozenset(_SECONDS) | _FACTORS
_NEWEST = 9999.0
# Seconds, or times what was measured.
_MOST_COST = 1000.0


def profile(ref: str, vendor: str = "NVIDIA", year: float = _NEWEST, base: Path | None = None) -> Profile:
    """The profile of an engine by name, or of a file that `calibrate` wrote, for a chip's vendor and a version's year.

    base: folder that a relative path starts from.
    Raises UnknownName with suggestions, or UserError naming the file and the key at fault.
    """
    return _profile(_path(ref, base), vendor.casefold(), year)


@cache
def _profile(path: Path, vendor: str, year: float) -> Profile:
    tree: Any = load_yaml(path)
    try:
        limits, blocks = tree["limits"], tree["overheads"]
        block, exact = _block(blocks, vendor, year)
        return Profile(
            name=str(tree["name"]),
            era=str(block["era"]),
            max_sequences=_limit(limits["max_sequences"]),
            max_batched_tokens=_limit(limits["max_batched_tokens"]),
            memory_utilization=parse(limits["memory_utilization"], "ratio"),
            utilization_of_free=limits.get("utilization_of") == "free",
            reserved_bytes=parse(limits["reserved"], "bytes"),
            collectives=_word(tree["collectives"]),
            output_reserved=parse(limits.get("output_reserved", "55 %"), "ratio"),
            overheads=overheads(block),
            exact=exact,
            band=_band(block.get("fitted", {})),
        )
    except KeyError as missing:
        raise UserError(f"{path}: engine profile lacks {missing}") from None
    except (UnitError, ValueError, TypeError, AttributeError) as wrong:
        raise UserError(f"{path}: engine profile: {wrong}") from None


def overheads(block: Mapping[str, Any]) -> Overheads:
    """Residual costs from a block of a profile file; keys left out keep the value that adds nothing."""
    seconds = {name: parse(block[key], "s") for key, name in _SECONDS.items() if key in block}
    factors = {key: parse(block[key], "ratio") for key in _FACTORS if key in block}
    for key, value in {**seconds, **factors}.items():
        if value > _MOST_COST:
            raise UnitError(f"{key}: {value:g} is out of all proportion (at most {_MOST_COST:g})")
    return Overheads(**seconds, **factors)


def overhead_block(values: Overheads) -> dict[str, str]:
    """The inverse of `overheads`: what a profile file says, in microseconds and ratios."""
    names = {name: key for key, name in _SECONDS.items()}
    neutral = Overheads()
    block = {}
    for item in fields(Overheads):
        value = getattr(values, item.name)
        if value != getattr(neutral, item.name):
            block[names.get(item.name, item.name)] = f"{value * 1e6:.4g} us" if item.name in names else f"{value:.4g}"
    return block


def with_overheads(base: Profile, values: Overheads) -> Profile:
    """The same engine with other residual costs."""
    return replace(base, overheads=values)


def _block(blocks: list[Mapping[str, Any]], vendor: str, year: float) -> tuple[Mapping[str, Any], bool]:
    own = [b for b in blocks if str(b.get("vendor", "nvidia")).casefold() == vendor]
    candidates = own or [b for b in blocks if str(b.get("vendor", "nvidia")).casefold() == "nvidia"] or list(blocks)
    ordered = sorted(candidates, key=lambda b: float(b.get("since", 0)))
    reached = [b for b in ordered if float(b.get("since", 0)) <= year]
    return (reached[-1] if reached else ordered[0]), bool(own)


def _limit(value: Any) -> int:
    number = parse(value, "count")
    if not 1 <= number <= 1e9:
        raise UnitError(f"{value} is no limit of a step; a whole number from 1 up is needed")
    return int(number)


def _word(value: Any) -> str:
    """A word, with or without its source."""
    return str(value["is"] if isinstance(value, Mapping) else value)


def _band(fitted: Mapping[str, Any]) -> Band:
    share = {key: parse(fitted[key], "ratio") for key in ("median_error", "left_out_error") if key in fitted}
    return Band(rows=int(fitted.get("rows", 0)), **share)


def _path(ref: str, base: Path | None) -> Path:
    if ref.endswith((".yaml", ".yml")):
        path = (base or Path()) / ref
        if not path.is_file():
            raise UserError(f"{ref}: no such engine profile")
        return path
    return find("engines", ref)
