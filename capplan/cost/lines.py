"""Cost lines: what is paid a year, in whole cents, so that the lines shown add up to the total shown.

A line is computed for a whole sweep at once; one row of it is a view (`CostLines.row`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capplan.errors import UserError
from capplan.records import dataclass

Floats = NDArray[np.float64]
Cents = NDArray[np.int64]

CATEGORIES = ("capex", "maintenance", "energy", "rent", "operations")
_MOST_USD = 9e15  # beyond, a float no longer tells cents apart
_UNIT_COST = Decimal("0.000001")  # what is paid for a unit is told to this
_MOST_EACH = Decimal(_MOST_USD)


@dataclass(frozen=True)
class CostLine:
    """One line of one plan's bill; money as an exact decimal of dollars and cents."""

    name: str
    label: str
    usd_per_year: Decimal
    formula: str
    source: str
    category: str = "operations"


@dataclass(frozen=True)
class CostColumn:
    """One line of the bill for every row of a sweep.

    formula: a `str.format` template over `terms`, filled row by row when somebody asks. Terms broadcast to the rows.
    """

    name: str
    label: str
    category: str
    cents_per_year: Cents
    formula: str
    source: str
    terms: Mapping[str, ArrayLike] = field(default_factory=dict)

    def line(self, row: int) -> CostLine:
        shape = self.cents_per_year.shape
        at = {name: _at(value, shape, row) for name, value in self.terms.items()}
        return CostLine(
            self.name, self.label, usd(self.cents_per_year.item(row)), self.formula.format(**at), self.source,
            self.category,
        )  # fmt: skip


@dataclass(frozen=True)
class CostLines:
    """All lines of a sweep; the total is their sum and nothing else."""

    columns: tuple[CostColumn, ...]

    @cached_property
    def total_cents(self) -> Cents:
        return self._sum(self.columns)

    @cached_property
    def categories(self) -> frozenset[str]:
        """Those that have a line."""
        return frozenset(column.category for column in self.columns)

    @cached_property
    def _cents(self) -> dict[str, Cents]:
        return {}  # filled as they are asked for

    def category_cents(self, category: str) -> Cents:
        """What one category costs a year, in cents; zeros where it has no line."""
        if category not in CATEGORIES:
            raise ValueError(f"{category}: one of {', '.join(CATEGORIES)} is needed")
        known = self._cents
        if category not in known:
            known[category] = self._sum([column for column in self.columns if column.category == category])
        return known[category]

    def row(self, index: int) -> "BillRow":
        """The bill of one row, lines of zero left out unless all are."""
        return BillRow(self, index)

    def total_usd(self, index: int) -> Decimal:
        return usd(self.total_cents.item(index))

    def category_usd(self, category: str, index: int) -> Decimal:
        return usd(self.category_cents(category).item(index))

    def __add__(self, other: "CostLines") -> "CostLines":
        return CostLines(self.columns + other.columns)

    def _sum(self, columns: Iterable[CostColumn]) -> Cents:
        shape = np.broadcast_shapes(*(column.cents_per_year.shape for column in self.columns))
        total: Cents = sum((column.cents_per_year for column in columns), np.zeros(shape, np.int64))
        return total


@dataclass(frozen=True)
class BillRow(Sequence[CostLine]):
    """The lines of one row, written out when somebody reads them: of a large sweep, few are.

    bill: of all rows; plans that go to another process together take it along once.
    """

    bill: CostLines
    row: int

    @cached_property
    def _read(self) -> tuple[CostLine, ...]:
        lines = tuple(column.line(self.row) for column in self.bill.columns)
        return tuple(line for line in lines if line.usd_per_year) or lines

    def __getitem__(self, at: Any) -> Any:
        return self._read[at]

    def __len__(self) -> int:
        return len(self._read)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._read == tuple(other)

    def __hash__(self) -> int:
        return hash(self._read)


def _at(value: ArrayLike, shape: tuple[int, ...], row: int) -> object:
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else np.broadcast_to(array, shape).item(row)


def cents(usd_per_year: ArrayLike) -> Cents:
    """Dollars to whole cents, half to even.

    Raises UserError for an amount too large to be told to the cent, ValueError for one that is below 0 or no number.

    >>> int(cents(0.125)), int(cents(70_271_265.004))
    (12, 7027126500)
    """
    amount = np.asarray(usd_per_year, np.float64)
    if np.any(~(amount >= 0)):
        raise ValueError("a yearly cost is an amount from 0 up")
    if np.any(amount > _MOST_USD):
        raise UserError(
            f"a line of the bill is more than {_MOST_USD:.0e} USD a year; check prices and load for exponents"
        )
    whole: Cents = np.rint(amount * 100).astype(np.int64)
    return whole


def usd(whole_cents: int) -> Decimal:
    """Cents to an exact decimal of dollars.

    >>> usd(7027126500)
    Decimal('70271265.00')
    """
    return Decimal(whole_cents).scaleb(-2)


def usd_each(whole_cents: Cents) -> NDArray[np.object_]:
    """`usd` of every amount, in the same shape."""
    return np.asarray(_USD(whole_cents), object)


def column(
    name: str, label: str, category: str, usd_per_year: ArrayLike, formula: str, source: str, **terms: ArrayLike
) -> CostColumn:
    """A cost column from an amount in dollars; raises what `cents` raises and ValueError for an unknown category."""
    if category not in CATEGORIES:
        raise ValueError(f"{category}: one of {', '.join(CATEGORIES)} is needed")
    return CostColumn(name, label, category, cents(usd_per_year), formula, source, terms)


def broadcast(columns: Iterable[CostColumn]) -> CostLines:
    """Columns of unlike shapes, each stretched to the shape of the sweep."""
    held = tuple(columns)
    shape = np.broadcast_shapes(*(item.cents_per_year.shape for item in held))
    return CostLines(
        tuple(
            CostColumn(
                item.name, item.label, item.category, np.broadcast_to(item.cents_per_year, shape),
                item.formula, item.source, item.terms,
            )
            for item in held
        )
    )  # fmt: skip


def usd_per(total_cents: int, units: float, per: float) -> Decimal | None:
    """Yearly cost over yearly units, as USD per `per` units; None where nothing is produced.

    Raises UserError for an amount too large to be told.
    >>> usd_per(8707200, 168e9, 1e6)  # 87,072 USD for 168 billion tokens
    Decimal('0.518286')
    """
    if not units > 0:
        return None
    each = Decimal(total_cents).scaleb(-2) * Decimal(per) / Decimal(units)
    if each > _MOST_EACH:
        raise UserError(f"so little is served that {per:,.0f} cost more than {_MOST_USD:.0e} USD; check the load")
    return each.quantize(_UNIT_COST)


def usd_per_each(total_cents: Cents, units: ArrayLike, per: float) -> NDArray[np.object_]:
    """`usd_per` of every amount and its units, in their shape; None also for units that are not known (NaN)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(_USD_PER(total_cents, units, per), object)


_USD, _USD_PER = np.frompyfunc(usd, 1, 1), np.frompyfunc(usd_per, 3, 1)
