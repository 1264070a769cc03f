"""Imported prices beside those that stood, and into files of the user's own catalogue."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from capplan.catalog import files
from capplan.catalog.api_prices import api_price
from capplan.catalog.imports.folder import file_of, save
from capplan.catalog.imports.rows import ApiRow, Read, RentRow
from capplan.catalog.prices import MissingPrice, rent
from capplan.errors import UserError

# Prices further apart than this are more often a wrong unit than a new price.
FAR = 5.0


@dataclass(frozen=True)
class Change:
    """One price beside the one that stood; USD per token, or USD a second for rents.

    before: None where there was none. far: whether it is so far off that somebody should look.
    """

    what: str
    unit: str
    before: float | None
    after: float

    @property
    def same(self) -> bool:
        return self.before is not None and abs(self.after - self.before) <= 1e-9 * self.before

    @property
    def far(self) -> bool:
        return self.before is not None and not 1 / FAR <= self.after / self.before <= FAR


def changes(read: Read) -> list[Change]:
    """Every imported price beside what the catalogue has for the same provider and terms, in the file's order."""
    found = []
    for row in read.api:
        stood = _stood_api(row)
        for name in ("input", "output"):
            before = None if stood is None else float(getattr(stood, f"{name}_usd_per_token"))
            found.append(Change(f"{row.model} at {row.provider}, {name}", "usd_per_token", before, row.prices[name]))
    for held in read.rents:
        what = f"{held.accelerator} at {held.provider}, {held.term}{f' {held.region}' if held.region else ''}"
        found.append(Change(what, "usd_per_s", _stood_rent(held), held.usd_per_s))
    return found


def _stood_api(row: ApiRow) -> object | None:
    try:
        return api_price(row.model, row.provider)
    except (MissingPrice, files.UnknownName):
        return None


def _stood_rent(row: RentRow) -> float | None:
    try:
        return rent(row.accelerator, provider=row.provider, region=row.region or None, term=row.term).usd_per_gpu_s
    except MissingPrice:
        try:
            return rent(row.accelerator, provider=row.provider, term=row.term).usd_per_gpu_s
        except MissingPrice:
            return None


def news(read: Read) -> Read:
    """Without the rows that stand in the catalogue already, with the same prices on the same day or a later one."""
    api = tuple(row for row in read.api if not _known_api(row))
    return Read(read.kind, api, tuple(row for row in read.rents if not _known_rent(row)), read.skipped)


def _known_api(row: ApiRow) -> bool:
    stood = _stood_api(row)
    same = all(change.same for change in changes(Read("", api=(row,))))
    return same and stood is not None and str(getattr(stood, "date", "")) >= row.on


def _known_rent(row: RentRow) -> bool:
    if not all(change.same for change in changes(Read("", rents=(row,)))):
        return False
    return rent(row.accelerator, provider=row.provider, term=row.term).date >= row.on


def write(read: Read, folder: Path, title: str, tier: str = "") -> list[Path]:
    """Adds the rows to the files of a catalogue folder, which then go before the shipped ones; gives their paths.

    A file that is not there yet starts as a copy of the shipped one, so that nothing else of it is lost. Every file is
    read back before it is written. Raises UserError for a provider of rents whose tier nobody knows.
    """
    made: dict[Path, str] = {}
    for provider, rows in _by(read.api, "provider").items():
        lines = [_api_line(row) for row in rows]
        made |= _added(folder, "prices/api", provider, "prices", lines, title, f"Prices of {provider}", rows)
    for accelerator, rents in _by(read.rents, "accelerator").items():
        lines, head = [_rent_line(row, tier or _tier(row)) for row in rents], f"Prices of {accelerator}"
        made |= _added(folder, "prices/accelerators", accelerator, "rent", lines, title, head, rents)
    save(made)
    return sorted(made)


def _added(
    folder: Path, kind: str, name: str, key: str, lines: Sequence[str], title: str, head: str, rows: Sequence[object]
) -> Mapping[Path, str]:
    path = file_of(folder, kind, name)
    text = files.file_text(path) if path.is_file() else _shipped(kind, name)
    if not text:
        text = f"name: {name}\ntitle: {_quoted(head)}\nsources:\n{key}:\n"
    if not re.search(rf"(?m)^{key}:", text):
        text = text.rstrip("\n") + f"\n{key}:\n"
    held = files.parse_yaml(text, str(path))
    before = held.get(key) or []
    if list(held)[-1] != key:
        raise UserError(f"{path}: '{key}' is not the last key of the file, so nothing can be added to it")
    sources = held.get("sources") or {}
    number = sum(1 for known in sources if str(known).startswith("imported-")) + 1
    source = f"sources:\n  imported-{number}: {{kind: price-list, title: {_quoted(title)}, read: {_newest(rows)}}}\n"
    text = re.sub(r"(?m)^sources:\n", lambda _: source, text, count=1)
    text = text.rstrip("\n") + "\n" + "".join(f"  - {{{line}, from: imported-{number}}}\n" for line in lines)
    after = files.parse_yaml(text, str(path)).get(key)
    if not isinstance(after, list) or not isinstance(before, list) or len(after) != len(before) + len(lines):
        raise UserError(f"{path}: the prices cannot be added to this file; add them by hand")
    return {path: text}


def _shipped(kind: str, name: str) -> str:
    path = files.root() / kind / f"{name}.yaml"
    return files.file_text(path) if path.is_file() else ""


def _by(rows: Iterable[ApiRow] | Iterable[RentRow], key: str) -> dict[str, list[object]]:
    grouped: dict[str, list[object]] = {}
    for row in rows:
        grouped.setdefault(str(getattr(row, key)), []).append(row)
    return grouped


def _newest(rows: Sequence[object]) -> str:
    return max(str(row.on) for row in rows)  # type: ignore[attr-defined]  # both kinds of rows are dated


def _api_line(row: object) -> str:
    if not isinstance(row, ApiRow):
        raise TypeError("API prices are needed here")
    prices = ", ".join(f"{name}: {amount * 1e6:.10g} USD/Mtoken" for name, amount in row.prices.items())
    whole = "".join(f", {name}: {count}" for name, count in row.whole.items())
    return f"model: {row.model}, on: {row.on}, id: {_quoted(row.id)}, {prices}{whole}{', reasons: yes' * row.reasons}"


def _rent_line(row: object, tier: str) -> str:
    if not isinstance(row, RentRow):
        raise TypeError("rents are needed here")
    words = {"region": row.region, "instance": row.instance}
    told = "".join(f", {key}: {_quoted(value)}" for key, value in words.items() if value)
    return (
        f"price: {row.usd_per_s * 3600:.10g} USD/hour, on: {row.on}, provider: {row.provider}, tier: {tier}, "
        f"term: {row.term}{told}"
    )


def _tier(row: object) -> str:
    """The tier under which the catalogue has this provider, for any accelerator."""
    from capplan.catalog.prices import quotes

    provider = str(getattr(row, "provider", ""))
    for name in files.names("prices/accelerators"):
        try:
            found = next((quote.tier for quote in quotes(name) if quote.provider == provider), None)
        except MissingPrice:
            continue
        if found:
            return found
    raise UserError(f"{provider}: its tier is not known (add --tier hyperscaler, neocloud or long_tail)")


def _quoted(text: str) -> str:
    return '"' + "".join(c for c in text if c.isprintable()).replace("\\", "\\\\").replace('"', '\\"') + '"'
