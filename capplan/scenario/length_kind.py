"""Lengths in scenario files: one number, a law, quantiles, a mixture, or the name of a shipped workload."""

import math
from collections.abc import Mapping
from typing import Any

from capplan.records import dataclass
from capplan.scenario.kinds import Kind, ValueFault, nearest, scalar_text
from capplan.scenario.length import Length, share_of
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
    points = sorted((share_of(name), tokens) for name, tokens in figures.items() if name[0] == "p")
    if len({share for share, _ in points}) < 2:
        raise ValueFault("quantiles needs at least two points", "such as {p50: 800, p99: 12k}")
    lengths = [tokens for _, tokens in points]
    if lengths != sorted(lengths):
        raise ValueFault("quantiles must not fall as their share grows")
    if figures.get("max", math.inf) < lengths[-1]:
        raise ValueFault("max lies below the highest quantile")
