"""How long prompts, thoughts and answers are: one number, a law, quantiles, or what a shipped workload has."""

import math
from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from typing import Any

from capplan.records import dataclass
from capplan.scenario.kinds import Kind, ValueFault, nearest, scalar_text
from capplan.scenario.quantity import Quantity
from capplan.units import UnitError

_TOKENS = Quantity("tokens", above=0, most=1e9)
_CV = Quantity("ratio", least=0, most=100)
_LAWS = {
    "lognormal": "{mean, cv} or {p50, p99}, the length in tokens",
    "quantiles": "two or more of p1 ... p99.9, and perhaps mean and max",
    "mixture": "[{share, tokens | lognormal | quantiles}, ...], kinds of request whose shares make 100 %",
}
_SHARE = Quantity("ratio", above=0, most=1)
# Midpoints of equal shares, on which a law without a closed form is integrated.
_GRID = 2000


@dataclass(frozen=True)
class Length:
    """A law of lengths in tokens.

    law: constant | lognormal | quantiles | mixture. parameters: what was given, by name: `tokens`; `mean` and `cv`, or
    `p50` and `p99`; `p1` ... `p99.9`, `mean`, `max`. workload: the shipped workload that it came from, '' otherwise.
    kinds: of a mixture, each with its share.
    """

    law: str
    parameters: tuple[tuple[str, float], ...]
    workload: str = field(default="")
    kinds: "tuple[tuple[float, Length], ...]" = field(default=())

    def parameter(self, name: str) -> float | None:
        """One of the given figures, None where it was not given."""
        return dict(self.parameters).get(name)

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares of the given quantiles, rising: 0.5 for p50."""
        return tuple(share for share, _ in self._points)

    @property
    def quantile_tokens(self) -> tuple[float, ...]:
        """Lengths at `shares`."""
        return tuple(tokens for _, tokens in self._points)

    @property
    def _points(self) -> list[tuple[float, float]]:
        return sorted((_share(name), tokens) for name, tokens in self.parameters if name[0] == "p")

    @property
    def maximum_tokens(self) -> float:
        """The longest there is; infinite unless given."""
        longest = self.parameter("max")
        return math.inf if longest is None else longest

    @property
    def mu(self) -> float:
        """Mean of ln(tokens) of a lognormal law."""
        median = self.parameter("p50")
        return math.log(median) if median is not None else math.log(self._given("mean")) - self.sigma**2 / 2

    @property
    def sigma(self) -> float:
        """Standard deviation of ln(tokens) of a lognormal law."""
        if (cv := self.parameter("cv")) is not None:
            return math.sqrt(math.log1p(cv * cv))
        return math.log(self._given("p99") / self._given("p50")) / z_score(0.99)

    def _given(self, name: str) -> float:
        return dict(self.parameters)[name]

    @cached_property
    def mean_tokens(self) -> float:
        """Mean length: as given, or that of the law."""
        if self.law == "constant":
            return self._given("tokens")
        if self.kinds:
            return sum(share * kind.mean_tokens for share, kind in self.kinds)
        if (mean := self.parameter("mean")) is not None:
            return mean
        if self.law == "lognormal":
            return math.exp(self.mu + self.sigma**2 / 2)
        return sum(min(self.at((i + 0.5) / _GRID), self.maximum_tokens) for i in range(_GRID)) / _GRID

    def at(self, share: float) -> float:
        """ln(length) runs straight between the points over the normal score, and on beyond the outermost."""
        zs, logs = self._scores
        z = z_score(share)
        at = min(max(sum(known < z for known in zs) - 1, 0), len(zs) - 2)
        slope = (logs[at + 1] - logs[at]) / (zs[at + 1] - zs[at])
        return math.exp(logs[at] + slope * (z - zs[at]))

    @cached_property
    def _scores(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return tuple(z_score(s) for s in self.shares), tuple(math.log(t) for t in self.quantile_tokens)

    def written(self) -> Any:
        """As in a scenario file: a bare number, the law with its figures, or the workload's name."""
        if self.workload:
            return self.workload
        if self.kinds:
            return {"mixture": [{"share": share, **kind._figures()} for share, kind in self.kinds]}
        return self._figures()["tokens"] if self.law == "constant" else self._figures()

    def _figures(self) -> dict[str, Any]:
        figures = {name: int(v) if v.is_integer() else v for name, v in self.parameters}
        return figures if self.law == "constant" else {self.law: figures}


def _share(name: str) -> float:
    return float(name[1:]) / 100


def z_score(share: float) -> float:
    from statistics import NormalDist  # rare and slow to import: most lengths are plain numbers

    return NormalDist().inv_cdf(share)


@dataclass(frozen=True)
class LengthKind(Kind):
    """Reads a `Length`. part: which of a shipped workload's lengths a name stands for."""

    part: str = "prompt"

    def read(self, value: object) -> Length:
        if isinstance(value, Length):
            return value
        if isinstance(value, Mapping):
            return _law(value)
        if isinstance(value, list):
            raise ValueFault("one length is needed here, not a list")
        text = scalar_text(value)
        if text[:1].isalpha():
            return self._of_workload(text)
        return Length("constant", (("tokens", _TOKENS.read(value)),))

    def _of_workload(self, name: str) -> Length:
        from capplan.scenario.workloads import workload_length  # reads the catalogue; most lengths are numbers

        return workload_length(name, self.part)

    def write(self, value: Length) -> Any:
        return value.written()

    def json_schema(self) -> dict[str, Any]:
        tokens = {"type": ["number", "string"]}
        figures = {"type": "object", "additionalProperties": tokens}
        plain = {law: figures | {"description": text} for law, text in _LAWS.items() if law != "mixture"}
        kind = {
            "type": "object",
            "properties": {"share": {"type": ["number", "string"]}, "tokens": tokens, **plain},
            "additionalProperties": False,
            "required": ["share"],
        }
        mixture = {"type": "array", "items": kind, "minItems": 2, "description": _LAWS["mixture"]}
        laws = {
            "type": "object",
            "properties": {**plain, "mixture": mixture},
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
        return {"anyOf": [tokens, laws], "examples": ["2048", "{lognormal: {mean: 1500, cv: 1.5}}"]}


def _law(given: Mapping[str, object]) -> Length:
    if len(given) != 1 or (law := next(iter(given))) not in _LAWS:
        wrong = next((name for name in given if name not in _LAWS), "")
        hint = nearest(wrong, _LAWS) or "write 2048, {lognormal: {mean: 2k, cv: 1}} or {quantiles: {p50: 1k, p99: 12k}}"
        named = f"'{wrong}' is no law of lengths" if wrong else "one law of lengths is needed"
        raise ValueFault(named, hint)
    figures = given[law]
    if law == "mixture":
        return _mixture(figures)
    if not isinstance(figures, Mapping):
        raise ValueFault(f"{law} needs figures", _LAWS[law])
    read = {name: _figure(law, name, value) for name, value in figures.items()}
    (_check_lognormal if law == "lognormal" else _check_quantiles)(read)
    return Length(law, tuple(read.items()))


def _mixture(given: object) -> Length:
    kinds = []
    for at, one in enumerate(given if isinstance(given, list) else []):
        if not isinstance(one, Mapping) or "share" not in one or len(one) != 2:
            raise ValueFault(f"mixture.{at}: a share and one law are needed", _LAWS["mixture"])
        inner = {name: value for name, value in one.items() if name != "share"}
        if "mixture" in inner:
            raise ValueFault(f"mixture.{at}: a mixture of mixtures is one mixture", "list all kinds at one level")
        length = LengthKind().read(inner["tokens"]) if "tokens" in inner else _law(inner)
        try:
            kinds.append((_SHARE.read(one["share"]), length))
        except UnitError as wrong:
            raise ValueFault(f"mixture.{at}.share: {wrong}") from wrong
    total = sum(share for share, _ in kinds)
    if len(kinds) < 2 or abs(total - 1) > 1e-6:
        raise ValueFault(
            "the shares of a mixture must make 100 %", f"they make {total * 100:.6g} % of two kinds or more"
        )
    return Length("mixture", (), kinds=tuple(kinds))


def figure_kind(name: str) -> Quantity:
    """What a figure of a law is: a ratio for `cv`, tokens for all others."""
    return _CV if name == "cv" else _TOKENS


def _figure(law: str, name: str, value: object) -> float:
    known = ("mean", "cv", "p50", "p99") if law == "lognormal" else ("mean", "max")
    if name not in known and not (law == "quantiles" and _is_quantile(name)):
        raise ValueFault(f"'{name}' is no figure of {law}", _LAWS[law])
    try:
        return figure_kind(name).read(value)
    except (UnitError, ValueFault) as wrong:
        raise ValueFault(f"{law}.{name}: {wrong}", getattr(wrong, "hint", "")) from wrong


def _is_quantile(name: str) -> bool:
    digits = name[1:]
    return name[:1] == "p" and digits.replace(".", "", 1).isdecimal() and digits.isascii() and 0 < float(digits) < 100


def _check_lognormal(figures: Mapping[str, float]) -> None:
    if set(figures) not in ({"mean", "cv"}, {"p50", "p99"}):
        raise ValueFault("lognormal needs exactly two figures", _LAWS["lognormal"])
    if "p99" in figures and figures["p99"] < figures["p50"]:
        raise ValueFault("p99 lies below p50")


def _check_quantiles(figures: Mapping[str, float]) -> None:
    points = sorted((_share(name), tokens) for name, tokens in figures.items() if name[0] == "p")
    if len({share for share, _ in points}) < 2:
        raise ValueFault("quantiles needs at least two points", "such as {p50: 800, p99: 12k}")
    lengths = [tokens for _, tokens in points]
    if lengths != sorted(lengths):
        raise ValueFault("quantiles must not fall as their share grows")
    if figures.get("max", math.inf) < lengths[-1]:
        raise ValueFault("max lies below the highest quantile")
