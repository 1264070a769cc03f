"""What queries cost at a hosted model: prompt, cached prompt and output tokens, thinking billed as output."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.catalog.api_prices import ApiPrice, api_price
from capplan.engine.excuse import Assumption
from capplan.errors import PriceError
from capplan.scenario.cost import Api

Floats = NDArray[np.float64]

LONG_CONTEXT_TOKENS = 200_000  # the one threshold that price lists print; see the `*_above_200k` prices


@dataclass(frozen=True)
class Tariff:
    """Prices that a query pays, in USD per token; discounts are taken off already.

    cache_write: of a prompt token that is put into the cache, where that costs more than reading it.
    long_*: for requests whose prompt is longer than LONG_CONTEXT_TOKENS. title: what is priced, for reports.
    max_input_tokens, max_output_tokens: of one request, None where not printed. date: '' where undated or given.
    """

    title: str
    input_usd_per_token: float
    cached_input_usd_per_token: float
    output_usd_per_token: float
    thinking_usd_per_token: float
    long_input_usd_per_token: float
    long_output_usd_per_token: float
    cache_write_usd_per_token: float = 0.0
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    date: str = ""
    assumptions: tuple[Assumption, ...] = ()


@dataclass(frozen=True)
class Usage:
    """What one query is billed for, in tokens; arrays broadcast.

    input_tokens: of all its requests together: every sample and every later call brings its prompt again.
    cached: share of the input that the provider has seen before. long: share of the requests above LONG_CONTEXT_TOKENS.
    """

    input_tokens: ArrayLike
    thinking_tokens: ArrayLike
    answer_tokens: ArrayLike
    cached: ArrayLike = 0.0
    long: ArrayLike = 0.0

    @property
    def output_tokens(self) -> Floats:
        """Thinking and answer together."""
        return np.asarray(self.thinking_tokens, np.float64) + np.asarray(self.answer_tokens, np.float64)

    def mix(self) -> str:
        """The tokens in words, with their shares: what a price per million tokens depends on."""
        parts = {"input": self.input_tokens, "thinking": self.thinking_tokens, "answer": self.answer_tokens}
        means = {name: float(np.mean(np.asarray(value, np.float64))) for name, value in parts.items()}
        total = sum(means.values()) or 1.0
        told = " + ".join(f"{value:,.0f} {name}" for name, value in means.items() if value)
        return f"{told} tokens a query (input {means['input'] / total:.0%} : output {1 - means['input'] / total:.0%})"


def usd_per_query(tariff: Tariff, usage: Usage) -> Floats:
    """Price of one query; the broadcast shape of the usage.

    A token that no cache holds is put there, so that later requests find it, as long as that is cheaper than to do
    without a cache. Too dear where a part of every prompt is never read again and is not put there.

    >>> r1 = Tariff("R1", 0.55e-6, 0.14e-6, 2.19e-6, 2.19e-6, 0.55e-6, 2.19e-6)
    >>> float(usd_per_query(r1, Usage(1000, 4000, 500)).round(6))  # 1,000 x 0.55 + 4,500 x 2.19 USD/Mtoken
    0.010405
    """
    given = (usage.input_tokens, usage.thinking_tokens, usage.answer_tokens, usage.cached, usage.long)
    prompt, thinking, answer, cached, long = (np.asarray(value, np.float64) for value in given)

    def reading(input_usd: float) -> Floats:
        kept = (1 - cached) * max(input_usd, tariff.cache_write_usd_per_token)
        return np.asarray(prompt * np.minimum(input_usd, kept + cached * tariff.cached_input_usd_per_token))

    read = reading(tariff.input_usd_per_token)
    written = thinking * tariff.thinking_usd_per_token + answer * tariff.output_usd_per_token
    # Cached tokens of long requests keep the printed cache price: no list prints another one.
    long_read = reading(tariff.long_input_usd_per_token)
    long_written = (thinking + answer) * tariff.long_output_usd_per_token
    price: Floats = (1 - long) * (read + written) + long * (long_read + long_written)
    return price


def tariff(api: Api) -> Tariff:
    """The prices of a scenario's `cost.api`: its own figures first, the catalogue's for what it leaves open.

    Raises PriceError naming the hosts that have a price, or the batch price that is not printed.
    """
    if api.input_usd_per_token is not None and api.output_usd_per_token is not None:
        held = _given(api)
    else:
        held = _catalogued(api, api_price(str(api.model), api.provider))
    if not api.batch_discount:
        return held
    left = 1 - api.batch_discount
    names = [name for name in vars(held) if name.endswith("_usd_per_token")]
    return replace(held, **{name: left * getattr(held, name) for name in names})


def _given(api: Api) -> Tariff:
    read, written = api.input_usd_per_token or 0.0, api.output_usd_per_token or 0.0
    cached = api.cached_input_usd_per_token
    if api.batch:
        raise PriceError("cost.api.batch: your own prices have no batch prices beside them; give batch_discount: 50 %")
    said = () if cached is not None else (_assumed("cached input", "as input", "no price given"),)
    return Tariff(
        str(api.model), read, read if cached is None else cached, written, written, read, written, assumptions=said
    )


def _catalogued(api: Api, price: ApiPrice) -> Tariff:
    read, written = price.input_usd_per_token, price.output_usd_per_token
    cached = price.cached_input_usd_per_token
    thinking = price.thinking_output_usd_per_token
    if api.batch:
        if price.batch_input_usd_per_token is None or price.batch_output_usd_per_token is None:
            raise PriceError(
                f"cost.api.batch: {price.provider} prints no batch price for {price.model}; give batch_discount"
            )
        read, written = price.batch_input_usd_per_token, price.batch_output_usd_per_token
        cached, thinking = None, None
    read = read if api.input_usd_per_token is None else api.input_usd_per_token
    written = written if api.output_usd_per_token is None else api.output_usd_per_token
    cached = cached if api.cached_input_usd_per_token is None else api.cached_input_usd_per_token
    said = [_assumed("price", _shown(read, written), f"{price.provider}: {price.source} ({price.date or 'undated'})")]
    if cached is None:
        said.append(_assumed("cached input", "as input", "no cache price is printed"))
    kept = price.cache_write_usd_per_token or 0.0
    if api.batch or api.input_usd_per_token is not None or kept <= read:
        kept = 0.0
    else:
        said.append(_assumed("cache write", f"{kept * 1e6:.4g} USD/Mtoken", "of prompt tokens that no cache holds"))
    if price.retires:
        said.append(_assumed("model", f"retires {price.retires}", f"{price.provider}: no longer served from then on"))
    if price.note:
        said.append(_assumed("provider", price.provider, price.note))
    long_read, long_written = price.input_above_200k_usd_per_token, price.output_above_200k_usd_per_token
    return Tariff(
        title=f"{price.model} at {price.provider}",
        input_usd_per_token=read,
        cached_input_usd_per_token=read if cached is None else cached,
        output_usd_per_token=written,
        thinking_usd_per_token=written if thinking is None else thinking,
        long_input_usd_per_token=read if long_read is None or api.batch else long_read,
        long_output_usd_per_token=written if long_written is None or api.batch else long_written,
        cache_write_usd_per_token=kept,
        max_input_tokens=price.max_input_tokens,
        max_output_tokens=price.max_output_tokens,
        date=price.date,
        assumptions=tuple(said),
    )


def _assumed(what: str, value: str, source: str) -> Assumption:
    return Assumption(f"cost.api {what}", value, source, "catalogue")


def _shown(read: float, written: float) -> str:
    return f"{read * 1e6:.4g} USD/Mtoken input, {written * 1e6:.4g} output"
