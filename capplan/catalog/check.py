"""Whether the catalogue is sound: every file reads, every figure has a source, and figures are within reason."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from capplan.catalog import files
from capplan.catalog.accelerators import Accelerator, accelerator
from capplan.catalog.figures import Entry, Figure, MissingFigure, date_of
from capplan.catalog.models import model
from capplan.catalog.prices import quotes
from capplan.catalog.sites import regions, site
from capplan.catalog.workloads import Lengths, models_of, workload
from capplan.errors import CapplanError
from capplan.units import parse

# Names of things rather than measures of them; they need no source.
_WORDS = frozenset({"aliases", "within", "place"})


@dataclass(frozen=True)
class Problem:
    """What is wrong in one file. file: relative to the catalogue's folder."""

    file: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message}"


def check(kind: str | None = None) -> list[Problem]:
    """All problems of one kind, or of the whole catalogue; an empty list means that it is sound."""
    return [problem for one in ([kind] if kind else files.KINDS) for problem in _of_kind(one)]


def _of_kind(kind: str) -> Iterator[Problem]:
    entries = []
    for name in files.names(kind):
        path = files.find(kind, name)
        try:
            held = Entry(kind, path, files.load_yaml(path))
            messages = [*_head(held), *_provenance(held)]
            entries.append(held)
        except CapplanError as error:
            messages = [_relative(error, path)]
        yield from (Problem(f"{kind}/{path.name}", message) for message in messages)
        if not messages and kind in _SANE:
            yield from (Problem(f"{kind}/{path.name}", message) for message in _guarded(_SANE[kind], name, path))
    yield from _aliases(kind, entries)


def _guarded(sane: Callable[[str], Iterable[str]], name: str, path: Path) -> list[str]:
    try:
        return list(sane(name))
    except CapplanError as error:
        return [_relative(error, path)]


def _relative(error: Exception, path: Path) -> str:
    return str(error).replace(f"{path}: ", "").replace(str(path), path.name)


def _head(held: Entry) -> Iterator[str]:
    if held.tree.get("name") != held.path.stem:
        yield f"name: '{held.tree.get('name')}' is not the file's name '{held.path.stem}'"
    if not isinstance(held.tree.get("title"), str):
        yield "title: missing"
    listed = held.tree.get("aliases", [])
    if not isinstance(listed, list) or files.quick_aliases(held.path) != [str(alias) for alias in listed]:
        yield "aliases: must be a list in brackets, no item with a comma, so that it is found without reading the file"
    for source in held.sources.values():
        if not source.read and not source.recalled:
            yield f"sources.{source.key}: needs `read: DATE`, or `recalled: true` where nobody looked it up again"
        if source.read and date_of(source.read) is None:
            yield f"sources.{source.key}.read: '{source.read}' is no date; write 2026-05-20, 2026-05 or 2026"
    for key, value in held.tree.items():
        if isinstance(value, str) and value[:1].isdigit() and "from" not in held.tree and key not in ("name", "title"):
            yield f"{key}: a figure without a source; write {{is: {value}, from: SOURCE}}"


def _provenance(held: Entry) -> Iterator[str]:
    for figure in held.figures():
        if figure.source is None and not _is_word(figure):
            yield f"{figure.path}: '{figure.value}' has no source; add `from:`"
        if figure.on and figure.on != "undated" and date_of(figure.on) is None:
            yield f"{figure.path}: on: '{figure.on}' is no date; write 2026-05-20, 2026-05, 2026 or undated"


def _is_word(figure: Figure) -> bool:
    return not _WORDS.isdisjoint(part.partition("[")[0] for part in figure.path.split("."))


def _aliases(kind: str, entries: list[Entry]) -> Iterator[Problem]:
    owners = {files.normal(held.name): held.name for held in entries}
    for held in entries:
        for alias in files.quick_aliases(held.path):
            owner = owners.setdefault(files.normal(alias), held.name)
            if owner != held.name:
                yield Problem(f"{kind}/{held.path.name}", f"aliases: '{alias}' already stands for {owner}")


def _sane_accelerator(name: str) -> Iterator[str]:
    chip = accelerator(name)
    yield from _sane_peaks(chip)
    if not 4e9 <= chip.memory_bytes <= 1e12:
        yield f"memory: {chip.memory_bytes / 1e9:g} GB is out of proportion"
    if chip.reported_memory_bytes and not 0.9 < chip.reported_memory_bytes / chip.memory_bytes < 1.1:
        yield "reported_memory: more than a tenth from the marketed memory"
    if (link := chip.link_bandwidth_bytes_per_s) and link > chip.memory_bandwidth_bytes_per_s:
        yield "link.bandwidth: above the memory's; links are counted in one direction"
    one_way = {"NVLink 3": 300e9, "NVLink 4": 450e9, "NVLink 5": 900e9}.get(chip.link_kind or "")
    if one_way and link != one_way:
        yield f"link.bandwidth: {chip.link_kind} carries {one_way / 1e9:g} GB/s in one direction"
    if chip.tdp_w is not None and not 20 <= chip.tdp_w <= 3000:
        yield f"tdp: {chip.tdp_w:g} W is out of proportion"
    if chip.node_power_w and chip.tdp_w and chip.node_power_w < chip.node_gpus * chip.tdp_w:
        yield f"node.power: below the {chip.node_gpus * chip.tdp_w:g} W of the node's own accelerators"
    if not files.exists("operators", chip.operators):
        yield f"operators: no file '{chip.operators}' in operators/"


def _sane_peaks(chip: Accelerator) -> Iterator[str]:
    bf16 = chip.peak("bf16")
    fp8 = chip.peak("fp8")
    # The usual slip is a peak with 2:4 sparsity, which these makers print larger than the dense one.
    if chip.vendor in ("NVIDIA", "AMD") and bf16 and fp8 and fp8 > 2.05 * bf16:
        yield "peak.fp8: more than twice bf16; is it with sparsity?"
    for low, base, most in (("fp4", fp8, 4.1), ("int8", bf16, 4.1)):
        if (peak := chip.peak(low)) and base and peak > most * base:
            yield f"peak.{low}: more than {most:g} times the wider type; is it with sparsity?"
    if bf16 and bf16 / chip.memory_bandwidth_bytes_per_s > 1200:
        yield "peak.bf16: over 1,200 flop for each byte of memory traffic; is it with sparsity?"


def _sane_rent(name: str) -> Iterator[str]:
    if not files.exists("accelerators", name):
        yield f"no accelerator '{name}' for these prices"
    if "rent" not in files.load("prices/accelerators", name):
        return
    for quote in quotes(name):
        hourly = quote.usd_per_gpu_s * 3600
        if not 0.05 <= hourly <= 50:
            yield f"rent: {hourly:g} USD/hour of {quote.provider} is out of proportion for one accelerator"
        if quote.provider == "market" and not quote.edge:
            yield "rent: a survey's price needs `edge: low`, `high` or `median`"


def _sane_api(name: str) -> Iterator[str]:
    rows = files.load("prices/api", name).get("prices", [])
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict):
            yield "prices: each row must be a mapping"
            continue
        where = f"prices: {row.get('model')}"
        written = {key: value for key, value in row.items() if isinstance(value, str) and "USD" in value}
        prices = {key: parse(value, "usd_per_token") for key, value in written.items()}
        if any(not 0 < price < 1e-3 for price in prices.values()):
            yield f"{where}: a price that is zero or above 1000 USD/Mtoken; leave out what is not printed"
        for part in ("input", "output"):
            for cheaper in (f"batch_{part}", f"flex_{part}", f"cached_{part}"):
                if cheaper in prices and prices[cheaper] > prices.get(part, 1.0):
                    yield f"{where}: {cheaper} is above {part}"


def _sane_site(name: str) -> Iterator[str]:
    bounds = {"pue": (1, 3), "electricity_usd_per_j": (0.01 / 3.6e6, 1 / 3.6e6), "carbon_kg_per_j": (0, 1.5 / 3.6e6)}
    for place in (name, *(f"{name}-{region}" for region in regions(name))):
        found = site(place)
        for attribute, (least, most) in bounds.items():
            value = getattr(found, attribute)
            if value is not None and not least <= value <= most:
                yield f"{place}: {attribute} is out of proportion"


def _sane_workload(name: str) -> Iterator[str]:
    for place in (name, *(f"{name}-{one}" for one in models_of(name))):
        found = workload(place)
        for part in ("prompt", "output", "thinking", "answer"):
            if lengths := getattr(found, f"{part}_tokens"):
                yield from (f"{place}: {part}_tokens: {fault}" for fault in _sane_lengths(lengths))
        if found.diurnal and (len(found.diurnal) != 24 or abs(sum(found.diurnal) / 24 - 1) > 0.01):
            yield f"{place}: diurnal: 24 hourly rates over their mean are needed"
        if any(ratio < 1 for ratio in found.peak_to_mean.values()):
            yield f"{place}: peak_to_mean: a peak below the mean"


def _sane_lengths(lengths: Lengths) -> Iterator[str]:
    rising = sorted(lengths.quantiles.items(), key=lambda item: float(item[0][1:]))
    if any(lower > upper for (_, lower), (_, upper) in pairwise(rising)):
        yield "the quantiles do not rise"
    if lengths.max_tokens is not None and not lengths.mean_tokens < lengths.max_tokens:
        yield "the mean is not below the maximum"


def _sane_model(name: str) -> Iterator[str]:
    try:
        model(name)
    except MissingFigure:
        return  # a model whose shape is not public says so to whoever asks for it
    except CapplanError as error:
        yield str(error)


_SANE: dict[str, Callable[[str], Iterable[str]]] = {
    "models": _sane_model,
    "accelerators": _sane_accelerator,
    "prices/accelerators": _sane_rent,
    "prices/api": _sane_api,
    "sites": _sane_site,
    "workloads": _sane_workload,
}
