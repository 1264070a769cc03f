"""Accelerators: memory, peaks, links and power, as their makers state them."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from capplan.catalog import files
from capplan.catalog.figures import Entry, MissingFigure, plain
from capplan.errors import UserError
from capplan.records import dataclass
from capplan.units import UnitError, parse

DTYPES = ("bf16", "fp8", "fp4", "int8")
# The same tensor cores at the same rate, under the names that people use.
_SAME_RATE = {"fp16": "bf16", "nvfp4": "fp4", "mxfp4": "fp4", "mxfp8": "fp8"}


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """One accelerator as software counts it (a GPU; a package of two dies where noted), in SI.

    peak_flop_per_s: dense, by dtype; int8 in operations. link_bandwidth_bytes_per_s: one direction, to the peers of its
    scale-up domain. reported_memory_bytes: what the driver shows, where known; the marketed size is memory_bytes.
    node_gpus: accelerators in one server (a tray of a rack); scale_up_gpus: how many share the fast links.
    embodied_kg: CO2 equivalent of making one board.
    operators: the file with the efficiencies of its kernels. A figure that is not known is None, never a guess.
    """

    name: str
    title: str
    vendor: str
    generation: str
    operators: str
    status: str = "available"
    memory_bytes: float
    reported_memory_bytes: float | None = None
    memory_bandwidth_bytes_per_s: float
    peak_flop_per_s: Mapping[str, float]
    link_kind: str | None = None
    link_bandwidth_bytes_per_s: float | None = None
    pcie_bandwidth_bytes_per_s: float | None = None
    tdp_w: float | None = None
    idle_w: float | None = None
    embodied_kg: float | None = None
    node_gpus: int
    scale_up_gpus: int
    node_power_w: float | None = None

    def peak(self, dtype: str) -> float | None:
        """Dense peak in flop/s, None where the chip has no such units; fp16 is as bf16."""
        return self.peak_flop_per_s.get(_SAME_RATE.get(dtype, dtype))

    def need(self, figure: str, needed_for: str) -> float:
        """A figure that may be unknown, by attribute name (`tdp_w`); raises MissingFigure saying what needed it."""
        value = getattr(self, figure)
        if value is None:
            raise MissingFigure(self.name, _KEYS.get(figure, figure), needed_for)
        return float(value)


_KEYS = {
    "tdp_w": "tdp",
    "idle_w": "idle",
    "embodied_kg": "embodied_carbon",
    "node_power_w": "node.power",
    "link_bandwidth_bytes_per_s": "link.bandwidth",
    "pcie_bandwidth_bytes_per_s": "pcie_bandwidth",
    "reported_memory_bytes": "reported_memory",
}
_WORDS = ("name", "title", "aliases", "vendor", "generation", "status", "operators", "sources", "released")
_FIGURES = ("memory", "reported_memory", "memory_bandwidth", "peak", "link", "pcie_bandwidth", "tdp", "idle",
            "embodied_carbon", "node")  # fmt: skip
_TOP_KEYS = frozenset({*_WORDS, *_FIGURES})
_INNER_KEYS = {"link": {"kind", "bandwidth"}, "node": {"gpus", "scale_up_gpus", "power"}, "peak": set(DTYPES)}
_MISSING = {"operators": "missing; name the chip whose kernels are most alike, e.g. h100-sxm"}


def accelerator(ref: str | Mapping[str, Any]) -> Accelerator:
    """An accelerator by name or alias, or from an inline mapping with the keys of a catalogue file.

    An inline mapping may say `like: h100-sxm` and give only what differs, e.g. `{like: h100-sxm, tdp: 500 W}`.
    Raises UnknownName, or UserError naming every wrong key.

    >>> h100 = accelerator("NVIDIA H100 80GB HBM3")
    >>> h100.name, h100.peak("fp8"), h100.link_bandwidth_bytes_per_s
    ('h100-sxm', 1979000000000000.0, 450000000000.0)
    """
    if isinstance(ref, str):
        path = files.find("accelerators", ref)
        return _from_file(path, path.stat().st_mtime_ns)
    given = dict(ref)
    like = given.pop("like", None)
    base = _tree(files.find("accelerators", str(like))) if like is not None else {}
    name = str(given.get("name") or (f"{base['name']} (changed)" if base else "inline"))
    return _build(_merged(base, given) | {"name": name}, f"accelerator '{name}'", inline=True)


@lru_cache(maxsize=256)
def _from_file(path: Path, _mtime_ns: int) -> Accelerator:
    return _build(_tree(path), str(path))


def _tree(path: Path) -> dict[str, Any]:
    return dict(Entry("accelerators", path, files.load_yaml(path)).plain)


def _merged(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {key: plain(value) for key, value in given.items()}
    inner = {
        key: {**base[key], **value}
        for key, value in changed.items()
        if isinstance(value, dict) and isinstance(base.get(key), dict)
    }
    return {**base, **changed, **inner}


# Figures of a file: attribute, place in the file, unit of `units.DIMENSIONS`, and whether a plan needs it.
_FIELDS = (
    ("memory_bytes", "memory", "bytes", True),
    ("reported_memory_bytes", "reported_memory", "bytes", False),
    ("memory_bandwidth_bytes_per_s", "memory_bandwidth", "bytes_per_s", True),
    ("link_bandwidth_bytes_per_s", "link.bandwidth", "bytes_per_s", False),
    ("pcie_bandwidth_bytes_per_s", "pcie_bandwidth", "bytes_per_s", False),
    ("tdp_w", "tdp", "w", False),
    ("idle_w", "idle", "w", False),
    ("embodied_kg", "embodied_carbon", "kg", False),
    ("node_gpus", "node.gpus", "count", True),
    ("scale_up_gpus", "node.scale_up_gpus", "count", True),
    ("node_power_w", "node.power", "w", False),
)
_TEXTS = (
    ("name", True),
    ("title", True),
    ("vendor", True),
    ("generation", True),
    ("operators", True),
    ("status", False),
)


def _build(tree: dict[str, Any], where: str, inline: bool = False) -> Accelerator:
    """An accelerator from the plain tree of a file; raises UserError naming every fault of it."""
    faults = _unknown_keys(tree)
    if inline:
        tree = {"title": tree["name"], "vendor": "not named", "generation": "not named"} | tree
    values: dict[str, Any] = {"name": str(tree.get("name", "not named"))}
    for key, needed in _TEXTS:
        if isinstance(tree.get(key), str):
            values[key] = tree[key]
        elif key in tree or needed:
            faults.append(f"{key}: {'one word is needed' if key in tree else _MISSING.get(key, 'missing')}")
    for name, place, unit, needed in _FIELDS:
        values[name] = _figure(tree, place, unit, needed, faults)
    peaks = tree.get("peak")
    if not isinstance(peaks, dict) or not peaks:
        faults.append("peak: missing")
        peaks = {}
    values["peak_flop_per_s"] = {
        dtype: _figure(tree, f"peak.{dtype}", "flop_per_s", True, faults) for dtype in peaks if dtype in DTYPES
    }
    kind = tree["link"].get("kind") if isinstance(tree.get("link"), dict) else None
    values["link_kind"] = None if kind is None else str(kind)
    if faults:
        raise UserError("\n".join(f"{where}: {fault}" for fault in faults))
    return Accelerator(**values)


def _figure(tree: Mapping[str, Any], place: str, unit: str, needed: bool, faults: list[str]) -> float | int | None:
    """One figure in SI, a whole number from 1 up for counts; None and a fault added where it cannot be read."""
    group, _, inner = place.rpartition(".")
    holder = tree.get(group, {}) if group else tree
    value = holder.get(inner) if isinstance(holder, dict) else None
    if value is None:
        if needed:
            faults.append(f"{place}: missing")
        return None
    try:
        number = parse(value, unit)
    except (UnitError, TypeError) as wrong:
        faults.append(f"{place}: {wrong}")
        return None
    if unit != "count":
        return number
    if number < 1 or number != int(number):
        faults.append(f"{place}: {value} is not a whole number from 1 up")
        return None
    return int(number)


def _unknown_keys(tree: Mapping[str, Any]) -> list[str]:
    unknown = [f"{key}: unknown key (known: {', '.join(sorted(_TOP_KEYS))})" for key in tree if key not in _TOP_KEYS]
    for group, known in _INNER_KEYS.items():
        inside = tree.get(group)
        names = inside if isinstance(inside, dict) else ()
        unknown += [
            f"{group}.{key}: unknown key (known: {', '.join(sorted(known))})" for key in names if key not in known
        ]
    return unknown
