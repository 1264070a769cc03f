"""The values in a trace's fields, read strictly: what is odd is a fault, never a guess."""

import json
from datetime import date
from functools import lru_cache
from math import isfinite

from capplan.reading import Unreadable, parse_json

# Longer than any context that is served, and far below what overflows a sum.
MOST_TOKENS = 100_000_000

# time in seconds, prompt tokens, output tokens, thinking tokens, class, page hashes
Row = tuple[float, int, int, int, str, tuple[int, ...]]


class FieldError(ValueError):
    """What is wrong with a line, and what to do."""


def seconds(text: str, name: str) -> float:
    """A time: seconds as a number, or a date and time such as 2023-11-16 18:17:03.9799600."""
    try:
        value = float(text)
    except ValueError:
        return _moment_s(text, name)
    if not isfinite(value):
        raise FieldError(f"{name} {_shown(text)} is no time")
    return value


def tokens(text: str, name: str, least: int) -> int:
    """A count of tokens."""
    try:
        value = int(text) if len(text) <= 20 else MOST_TOKENS + 1
    except ValueError:
        number = _number(text)
        if number is None or number != int(number):
            raise FieldError(f"{name} {_shown(text)} is no whole number of tokens") from None
        value = int(number)
    return _in_range(value, name, least)


def whole(value: object, name: str, least: int) -> int:
    """A count of tokens in JSON."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise FieldError(f"{name} {_shown(json.dumps(value))} is no whole number of tokens")
    return _in_range(value, name, least)


def pages(value: object, name: str) -> tuple[int, ...]:
    """Page hashes of a prompt: a JSON list of whole numbers."""
    if not isinstance(value, list) or not all(type(page) is int for page in value):
        raise FieldError(f"{name} must be a list of whole numbers")
    return tuple(value)


def json_object(text: str) -> dict[str, object]:
    """One line of JSONL."""
    try:
        value = parse_json(text, "")
    except Unreadable as error:
        raise FieldError(f"not a JSON object ({error.why})") from error
    if not isinstance(value, dict):
        raise FieldError("not a JSON object; one {...} a line is needed")
    return value


def _in_range(value: int, name: str, least: int) -> int:
    if value < least:
        raise FieldError(f"{name} {value} is below {least}")
    if value > MOST_TOKENS:
        raise FieldError(f"{name} is above {MOST_TOKENS:,} tokens")
    return value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _moment_s(text: str, name: str) -> float:
    text = text.strip().removesuffix("Z")
    try:
        day = _day_s(text[:10])
        clock, zone = text[11:], 0.0
        for sign in "+-":
            if sign in clock:
                clock, _, offset = clock.partition(sign)
                hours, _, minutes = offset.partition(":")
                zone = (float(hours) * 3600 + float(minutes or 0) * 60) * (1 if sign == "+" else -1)
        hour, minute, second = clock.split(":")
        value = day + int(hour) * 3600 + int(minute) * 60 + float(second) - zone
    except ValueError as error:
        raise FieldError(
            f"{name} {_shown(text)} is no time (seconds, or a date and time such as 2023-11-16 18:17:03.97)"
        ) from error
    if not isfinite(value):
        raise FieldError(f"{name} {_shown(text)} is no time")
    return value


@lru_cache(maxsize=64)
def _day_s(text: str) -> float:
    return date.fromisoformat(text).toordinal() * 86_400.0


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
