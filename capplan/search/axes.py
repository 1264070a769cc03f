"""The keys that a sweep varies and the values it gives them."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from capplan.errors import UserError

# Beyond this a grid is a typing error more often than a question, and no table of it is read.
MOST_POINTS = 100_000


@dataclass(frozen=True)
class Axis:
    """One swept key: its dotted path in the scenario and its values (text, or SI), in the order asked for."""

    path: str
    values: tuple[object, ...]

    @property
    def leaf(self) -> str:
        """The last part of the path: `k` of `reasoning.k`."""
        return self.path.rpartition(".")[2]


def axes(over: Mapping[str, Sequence[object]]) -> tuple[Axis, ...]:
    """Axes from paths and values; raises UserError for an axis without values or a grid beyond MOST_POINTS."""
    made = tuple(Axis(path, tuple(values)) for path, values in over.items())
    empty = [axis.path for axis in made if not axis.values]
    if empty:
        raise UserError(f"{empty[0]}: no values to sweep (write {empty[0]}=V1,V2)")
    points = 1
    for axis in made:
        points *= len(axis.values)
    if points > MOST_POINTS:
        raise UserError(f"the grid has {points:,} points; at most {MOST_POINTS:,} are planned at once")
    return made


def points(over: Sequence[Axis]) -> Iterator[dict[str, object]]:
    """Every point of the grid, the last axis changing fastest.

    >>> list(points([Axis("reasoning.k", ("1", "8"))]))
    [{'reasoning.k': '1'}, {'reasoning.k': '8'}]
    """
    for values in itertools.product(*(axis.values for axis in over)):
        yield {axis.path: value for axis, value in zip(over, values, strict=True)}


def parse_over(text: str) -> tuple[str, list[str]]:
    """`PATH=V1,V2` as typed on a command line; commas inside brackets and quotes do not part values.

    >>> parse_over("serving.weights=fp8,bf16")
    ('serving.weights', ['fp8', 'bf16'])
    >>> parse_over("workload.prompt_tokens={lognormal: {mean: 2k, cv: 1}},4k")[1]
    ['{lognormal: {mean: 2k, cv: 1}}', '4k']
    """
    path, sign, values = text.partition("=")
    if not sign or not path.strip() or not values.strip():
        raise UserError(f"--over {text}: write PATH=V1,V2, such as serving.weights=fp8,bf16")
    return path.strip(), split_values(values)


def split_values(text: str) -> list[str]:
    """Values between commas, each stripped; raises UserError where one is empty."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        depth += (letter in "{[(") - (letter in "}])") if not quote else 0
        if letter == "," and depth <= 0 and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    values = [part.strip() for part in parts]
    if not all(values):
        raise UserError(f"'{text}': a value is missing between the commas")
    return values
