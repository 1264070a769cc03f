"""What hosted models cost: one file per provider, one row per model, the newest row holds."""

import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from capplan.catalog import files
from capplan.catalog.figures import Entry
from capplan.catalog.prices import MissingPrice, age_days
from capplan.units import parse

_KIND = "prices/api"
UsdPerToken = Annotated[float, BeforeValidator(partial(parse, unit="usd_per_token"))]


class ApiPrice(BaseModel):
    """Prices of one model at one provider, in USD per token; None is a price that is not printed, never free.

    input, output: prompt and output tokens, thinking counted as output unless `thinking_output` differs.
    cache_write: prompt tokens that are put into the cache for later requests, where that costs more than reading them.
    retires: the day after which the provider no longer serves the model, '' where none is announced.
    *_above_200k: for requests whose prompt is longer than 200,000 tokens.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    provider: str
    date: str = ""
    source: str = ""
    note: str = ""
    id: str = ""
    region: str = ""
    input_usd_per_token: UsdPerToken = Field(validation_alias="input")
    output_usd_per_token: UsdPerToken = Field(validation_alias="output")
    cached_input_usd_per_token: UsdPerToken | None = Field(None, validation_alias="cached_input")
    cache_write_usd_per_token: UsdPerToken | None = Field(None, validation_alias="cache_write")
    batch_input_usd_per_token: UsdPerToken | None = Field(None, validation_alias="batch_input")
    batch_output_usd_per_token: UsdPerToken | None = Field(None, validation_alias="batch_output")
    thinking_output_usd_per_token: UsdPerToken | None = Field(None, validation_alias="thinking_output")
    input_above_200k_usd_per_token: UsdPerToken | None = Field(None, validation_alias="input_above_200k")
    output_above_200k_usd_per_token: UsdPerToken | None = Field(None, validation_alias="output_above_200k")
    max_input_tokens: int | None = Field(None, validation_alias="max_input")
    max_output_tokens: int | None = Field(None, validation_alias="max_output")
    retires: str = ""

    def age_days(self, today: datetime.date) -> int | None:
        """Days since the price held; None for undated ones."""
        return age_days(self.date, today)


def api_price(model: str, provider: str | None = None) -> ApiPrice:
    """The price of a hosted model.

    provider: None takes the maker of the model; where the maker does not offer it, the middle host by output price.
    Raises MissingPrice naming the hosts or models that have a price.

    >>> price = api_price("o3", "openai")
    >>> round(price.input_usd_per_token * 1e6, 6), round(price.output_usd_per_token * 1e6, 6)
    (2.0, 8.0)
    """
    if provider is not None:
        return _at(model, provider)
    offers = hosts(model)
    if not offers:
        raise MissingPrice(f"{model}: no provider in the catalogue has a price for it; give cost.api.input and .output")
    makers = [offer for offer in offers if _is_maker(offer.provider)]
    if makers:
        return makers[0]
    middle = offers[(len(offers) - 1) // 2]
    return middle.model_copy(update={"note": f"middle of {len(offers)} hosts by output price"})


def hosts(model: str) -> tuple[ApiPrice, ...]:
    """Every provider's price of a model, cheapest output first; reads the files of all providers."""
    wanted = _slug(model)
    found = [row for name in files.names(_KIND) if (row := _row(files.find(_KIND, name), wanted))]
    return tuple(sorted(found, key=lambda row: (row.output_usd_per_token, row.provider)))


def _at(model: str, provider: str) -> ApiPrice:
    path = files.find(_KIND, provider)
    if row := _row(path, _slug(model)):
        return row
    known = sorted({row.model for row in _rows(path, path.stat().st_mtime_ns)})
    elsewhere = [offer.provider for offer in hosts(model)]
    cure = f"hosts with a price: {', '.join(elsewhere)}" if elsewhere else f"it has: {', '.join(known)}"
    raise MissingPrice(f"{model}: the catalogue has no price at {path.stem} ({cure})")


def _row(path: Path, wanted: str) -> ApiPrice | None:
    # A row may have no id, and a dash or a stroke is no name either.
    rows = [
        row for row in _rows(path, path.stat().st_mtime_ns) if wanted and wanted in (_slug(row.model), _slug(row.id))
    ]
    # Government clouds and other regions come after the ordinary offer of the same day.
    return max(rows, key=lambda row: (row.date, not row.region), default=None)


@lru_cache(maxsize=128)
def _rows(path: Path, _mtime_ns: int) -> tuple[ApiPrice, ...]:
    held = Entry(_KIND, path, files.load_yaml(path))
    rows = held.tree.get("prices", [])
    return tuple(_price(held, row) for row in rows if isinstance(row, dict) and {"input", "output"} <= row.keys())


def _price(held: Entry, row: dict[str, files.Tree]) -> ApiPrice:
    words = {key: str(value) for key, value in row.items()}
    source = held.sources[words.pop("from")].title
    return ApiPrice.model_validate({**words, "provider": held.name, "date": words.pop("on", ""), "source": source})


def _is_maker(provider: str) -> bool:
    return files.load(_KIND, provider).get("maker") == "yes"


def _slug(model: str) -> str:
    return files.normal(model.rsplit("/", 1)[-1])
