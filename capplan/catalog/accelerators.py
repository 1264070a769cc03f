"""Accelerators: memory, peaks, links and power, as their makers state them."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import AliasPath, BaseModel, ConfigDict, Field, ValidationError

from capplan.catalog import files
from capplan.catalog.figures import Entry, MissingFigure, plain
from capplan.errors import UserError
from capplan.units import Bytes, BytesPerSecond, Count, FlopPerSecond, Watts

DTYPES = ("bf16", "fp8", "fp4", "int8")
# The same tensor cores at the same rate, under the names that people use.
_SAME_RATE = {"fp16": "bf16", "nvfp4": "fp4", "mxfp4": "fp4", "mxfp8": "fp8"}


class Accelerator(BaseModel):
    """One accelerator as software counts it (a GPU; a package of two dies where noted), in SI.

    peak_flop_per_s: dense, by dtype; int8 in operations. link_bandwidth_bytes_per_s: one direction, to the peers of its
    scale-up domain. reported_memory_bytes: what the driver shows, where known; the marketed size is memory_bytes.
    node_gpus: accelerators in one server (a tray of a rack); scale_up_gpus: how many share the fast links.
    operators: the file with the efficiencies of its kernels. A figure that is not known is None, never a guess.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    title: str
    vendor: str
    generation: str
    operators: str
    status: str = "available"
    memory_bytes: Annotated[Bytes, Field(validation_alias="memory")]
    reported_memory_bytes: Annotated[Bytes | None, Field(validation_alias="reported_memory")] = None
    memory_bandwidth_bytes_per_s: Annotated[BytesPerSecond, Field(validation_alias="memory_bandwidth")]
    peak_flop_per_s: Annotated[dict[str, FlopPerSecond], Field(validation_alias="peak", min_length=1)]
    link_kind: Annotated[str | None, Field(validation_alias=AliasPath("link", "kind"))] = None
    link_bandwidth_bytes_per_s: Annotated[
        BytesPerSecond | None, Field(validation_alias=AliasPath("link", "bandwidth"))
    ] = None
    pcie_bandwidth_bytes_per_s: Annotated[BytesPerSecond | None, Field(validation_alias="pcie_bandwidth")] = None
    tdp_w: Annotated[Watts | None, Field(validation_alias="tdp")] = None
    idle_w: Annotated[Watts | None, Field(validation_alias="idle")] = None
    node_gpus: Annotated[Count, Field(validation_alias=AliasPath("node", "gpus"), ge=1)]
    scale_up_gpus: Annotated[Count, Field(validation_alias=AliasPath("node", "scale_up_gpus"), ge=1)]
    node_power_w: Annotated[Watts | None, Field(validation_alias=AliasPath("node", "power"))] = None

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
    "node_power_w": "node.power",
    "link_bandwidth_bytes_per_s": "link.bandwidth",
    "pcie_bandwidth_bytes_per_s": "pcie_bandwidth",
    "reported_memory_bytes": "reported_memory",
}
_WORDS = ("name", "title", "aliases", "vendor", "generation", "status", "operators", "sources", "released")
_FIGURES = ("memory", "reported_memory", "memory_bandwidth", "peak", "link", "pcie_bandwidth", "tdp", "idle", "node")
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
    changed = cast(dict[str, Any], plain(dict(given)))
    inner = {
        key: {**base[key], **value}
        for key, value in changed.items()
        if isinstance(value, dict) and isinstance(base.get(key), dict)
    }
    return {**base, **changed, **inner}


def _build(tree: dict[str, Any], where: str, inline: bool = False) -> Accelerator:
    faults = _unknown_keys(tree)
    if inline:
        tree = {"title": tree["name"], "vendor": "not named", "generation": "not named"} | tree
    try:
        built = Accelerator.model_validate(tree)
    except ValidationError as error:
        faults += [f"{'.'.join(map(str, e['loc']))}: {_message(e)}" for e in error.errors()]
    if faults:
        raise UserError("\n".join(f"{where}: {fault}" for fault in faults))
    return built


def _unknown_keys(tree: Mapping[str, Any]) -> list[str]:
    unknown = [f"{key}: unknown key (known: {', '.join(sorted(_TOP_KEYS))})" for key in tree if key not in _TOP_KEYS]
    for group, known in _INNER_KEYS.items():
        inside = tree.get(group)
        names = inside if isinstance(inside, dict) else ()
        unknown += [
            f"{group}.{key}: unknown key (known: {', '.join(sorted(known))})" for key in names if key not in known
        ]
    return unknown


def _message(error: Any) -> str:
    if error["type"] == "missing":
        return _MISSING.get(error["loc"][0], "missing")
    return str(error["msg"]).removeprefix("Value error, ")
