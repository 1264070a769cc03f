"""Where a fleet stands: PUE, electricity, carbon and water by country, state, cloud and cloud region."""

from collections.abc import Iterator
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

from capplan.catalog import files
from capplan.catalog.figures import Entry, Figure, MissingFigure, entry
from capplan.units import parse

_KIND = "sites"
_UNITS = {"pue": "ratio", "electricity": "usd_per_j", "carbon": "kg_per_j", "water": "l_per_j"}
_ATTRIBUTES = {
    "pue": "pue",
    "electricity": "electricity_usd_per_j",
    "carbon": "carbon_kg_per_j",
    "water": "water_l_per_j",
}


class Site(BaseModel):
    """A place, in SI; a figure that the catalogue lacks is None.

    sources: by figure (`pue`, `electricity`, `carbon`, `water`): whose figure it is and who published it, as
    `usa: EIA ...`. A cloud region has its cloud's PUE, and its country's or state's electricity unless it has its own.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    pue: float | None = None
    electricity_usd_per_j: float | None = None
    carbon_kg_per_j: float | None = None
    water_l_per_j: float | None = None
    sources: dict[str, str] = {}
    dates: dict[str, str] = {}

    def need(self, figure: str, needed_for: str) -> float:
        """`pue`, `electricity`, `carbon` or `water`; raises MissingFigure naming some sites that have it."""
        value = getattr(self, _ATTRIBUTES[figure])
        if value is None:
            have = ", ".join(_having(figure)[:6])
            raise MissingFigure(self.name, figure, needed_for, f"give it in the scenario (sites that have one: {have})")
        return float(value)


def site(name: str) -> Site:
    """A site by name: a country (`sweden`), a state (`us-iowa`), a cloud (`aws`) or its region (`aws-us-east-1`).

    A region's own name alone (`us-east-1`) will do where one cloud has it. Raises UnknownName.

    >>> round(site("aws-us-east-1").carbon_kg_per_j * 3.6e9, 1), site("aws-us-east-1").pue
    (369.5, 1.15)
    """
    return _site(*place(name))


def regions(name: str) -> list[str]:
    """The regions that a site's file lists."""
    return list(_regions(entry(_KIND, name)))


@lru_cache(maxsize=256)
def _site(name: str, region: str) -> Site:
    figures: dict[str, tuple[str, Figure]] = {}
    for owner, held, prefix in _chain(name, region):
        for figure in _UNITS:
            found = held.figure(prefix + figure)
            if found is not None:
                figures.setdefault(figure, (owner, found))
    values = {_ATTRIBUTES[key]: parse(found.value, _UNITS[key]) for key, (_, found) in figures.items()}
    held = entry(_KIND, name)
    full = f"{name}-{region}" if region else name
    title = f"{held.tree.get('title', name)}, {region}" if region else str(held.tree.get("title", name))
    return Site(
        name=full,
        title=title,
        sources={key: f"{owner}: {found.source}" for key, (owner, found) in figures.items()},
        dates={key: found.on for key, (_, found) in figures.items()},
        **values,
    )


def _chain(name: str, region: str) -> Iterator[tuple[str, Entry, str]]:
    """Who may supply a figure, nearest first: the region, the place that it lies within, the whole file."""
    held = entry(_KIND, name)
    if region:
        yield f"{name}-{region}", held, f"regions.{region}."
        within = _regions(held)[region].get("within")
        if isinstance(within, str):
            yield from _chain(*place(within))
    yield name, held, ""


@lru_cache(maxsize=256)
def place(name: str) -> tuple[str, str]:
    """The file and the region ('' for the whole file) that a name stands for; raises UnknownName."""
    if files.exists(_KIND, name):
        return files.find(_KIND, name).stem, ""
    words = files.normal(name).split("-")
    for cut in range(1, len(words)):
        first, rest = "-".join(words[:cut]), "-".join(words[cut:])
        if files.exists(_KIND, first) and (region := _region_named(entry(_KIND, first), rest)):
            return files.find(_KIND, first).stem, region
    inside = [(stem, region) for stem in files.names(_KIND) if (region := _region_named(entry(_KIND, stem), name))]
    if len(inside) == 1:
        return inside[0]
    raise _unknown(name, inside)


def _region_named(held: Entry, text: str) -> str:
    wanted = files.normal(text)
    for region, fields in _regions(held).items():
        aliases = fields.get("aliases", [])
        spellings = [region, *(alias for alias in aliases if isinstance(alias, str))]
        if wanted in map(files.normal, spellings):
            return region
    return ""


def _regions(held: Entry) -> dict[str, dict[str, files.Tree]]:
    found = held.tree.get("regions", {})
    return (
        {name: fields for name, fields in found.items() if isinstance(fields, dict)} if isinstance(found, dict) else {}
    )


def _unknown(name: str, inside: list[tuple[str, str]]) -> files.UnknownName:
    if inside:
        return files.UnknownName(_KIND, name, tuple(f"{stem}-{region}" for stem, region in inside))
    from difflib import get_close_matches

    every = [f"{stem}-{region}" for stem in files.names(_KIND) for region in _regions(entry(_KIND, stem))]
    close = get_close_matches(files.normal(name), [*files.names(_KIND), *every], n=3, cutoff=0.5)
    return files.UnknownName(_KIND, name, tuple(close))


def _having(figure: str) -> list[str]:
    return [name for name in files.names(_KIND) if entry(_KIND, name).figure(figure)]
