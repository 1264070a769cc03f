"""Field types for pydantic schemas: text or a bare number in, SI out."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from capplan.spellings import DIMENSIONS
from capplan.units import UnitError, parse


def _reader(unit: str) -> BeforeValidator:
    read: Callable[[Any], float] = lambda value: parse(value, unit)  # noqa: E731
    return BeforeValidator(read)


def _json(unit: str, kind: str = "number") -> WithJsonSchema:
    dimension = DIMENSIONS[unit]
    kinds = [kind, "string"] if dimension.bare else ["string"]
    described = f"{dimension.word}, e.g. {dimension.example}"
    return WithJsonSchema({"type": kinds, "description": described, "examples": [dimension.example]})


def _whole(value: Any) -> int:
    number = parse(value, "count")
    if number != int(number):
        raise UnitError(f"{value}: a whole number is needed")
    return int(number)


def _share(value: Any) -> float:
    ratio = parse(value, "ratio")
    if ratio > 1:
        raise UnitError(f"{value}: must lie between 0 and 1 (0 % and 100 %)")
    return ratio


Bytes = Annotated[float, _reader("bytes"), _json("bytes")]
BytesPerSecond = Annotated[float, _reader("bytes_per_s"), _json("bytes_per_s")]
Flop = Annotated[float, _reader("flop"), _json("flop")]
FlopPerSecond = Annotated[float, _reader("flop_per_s"), _json("flop_per_s")]
Seconds = Annotated[float, _reader("s"), _json("s")]
Years = Annotated[float, _reader("years"), _json("years")]
Watts = Annotated[float, _reader("w"), _json("w")]
Joules = Annotated[float, _reader("j"), _json("j")]
Kilograms = Annotated[float, _reader("kg"), _json("kg")]
Usd = Annotated[float, _reader("usd"), _json("usd")]
UsdPerSecond = Annotated[float, _reader("usd_per_s"), _json("usd_per_s")]
UsdPerJoule = Annotated[float, _reader("usd_per_j"), _json("usd_per_j")]
UsdPerWatt = Annotated[float, _reader("usd_per_w"), _json("usd_per_w")]
UsdPerWattSecond = Annotated[float, _reader("usd_per_w_s"), _json("usd_per_w_s")]
UsdPerToken = Annotated[float, _reader("usd_per_token"), _json("usd_per_token")]
KgPerJoule = Annotated[float, _reader("kg_per_j"), _json("kg_per_j")]
LitresPerJoule = Annotated[float, _reader("l_per_j"), _json("l_per_j")]
Tokens = Annotated[float, _reader("tokens"), _json("tokens")]
TokensPerSecond = Annotated[float, _reader("tokens_per_s"), _json("tokens_per_s")]
PerSecond = Annotated[float, _reader("per_s"), _json("per_s")]
Ratio = Annotated[float, _reader("ratio"), _json("ratio")]
Share = Annotated[float, BeforeValidator(_share), _json("ratio")]
Count = Annotated[int, BeforeValidator(_whole), _json("count", "integer")]
