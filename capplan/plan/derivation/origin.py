"""What stands behind a value: the expression that made it, wherever in the planner it was made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from capplan.engine.layout import Layout
from capplan.plan.derivation import source
from capplan.plan.derivation.digits import Digits
from capplan.plan.derivation.place import Index, aligned, equal, in_base, number_at, same, simple
from capplan.plan.derivation.record import Call
from capplan.plan.derivation.site import Replaced, Site, items

_LARGEST_ARRAY = 200_000
# What an expression may raise that is asked for where it did not run, or of numbers in place of arrays.
UNREADABLE = (NameError, LookupError, AttributeError, TypeError, ValueError, ArithmeticError, SyntaxError)


class Origins:
    """Where values came from, in the calls of one recorded plan."""

    def __init__(self, root: Call) -> None:
        self.calls = sorted(_all(root), key=lambda call: call.at)
        self.made: dict[int, tuple[Call, str]] = {}  # arrays by what made them; '' is a call's result
        self.held: dict[int, Site] = {}  # dataclasses by the expression that made them
        self.values: dict[tuple[int, str, str], Any] = {}
        for call in self.calls:
            self._register(call)

    @cached_property
    def digits(self) -> Digits:
        """The numbers of all calls, by their digits."""
        return Digits(self.calls)

    def _register(self, call: Call) -> None:
        given = source.parameters(call)
        handed = {id(call.values.get(name)) for name in given}
        for name, value in call.values.items():
            if id(value) in handed:
                continue
            if isinstance(value, np.ndarray) and call.whole:
                self.made.setdefault(id(value), (call, name))
            elif hasattr(value, "__dataclass_fields__") and call.whole:
                for one in source.assigned(call, name)[-1:]:
                    if one.place is None:
                        self.held.setdefault(id(value), Site(call, one.expression))
        made = source.returned(call)
        if isinstance(call.result, np.ndarray) and id(call.result) not in handed:
            self.made.setdefault(id(call.result), (call, ""))
        elif hasattr(call.result, "__dataclass_fields__") and made is not None:
            self.held.setdefault(id(call.result), Site(call, made))

    def value(self, site: Site) -> Any:
        """The value of an expression: a call's as it was recorded where only one can be meant, else asked for again."""
        if site.key not in self.values:
            expression, found = site.expression, None
            if isinstance(expression, ast.Name) and source.earlier(site.call, expression):
                for behind, _ in self._variable(site.call, expression, ()):
                    self.values[site.key] = self.value(behind)
                    return self.values[site.key]
            if isinstance(expression, ast.Call):
                name = source.text(expression.func).rpartition(".")[2]
                near = [one for one in site.call.inside() if one.name == name]
                found = near[0] if len(near) == 1 else None
            more = dict(site.more)
            self.values[site.key] = found.result if found else source.evaluated(expression, site.call, more)
        return self.values[site.key]

    def gives(self, site: Site, index: Index, number: float | None) -> bool:
        try:
            found = number_at(self.value(site), index)
        except UNREADABLE:  # names that this way never had
            return False
        return found is not None and number is not None and same(found, number)

    def behind(self, site: Site, value: Any, index: Index) -> Iterator[tuple[Site, Index]]:
        """Expressions that gave this very value, the nearest first, and the place in them."""
        expression, call = site.expression, site.call
        if isinstance(expression, ast.Attribute) and self._chosen(site, expression):
            return
        if isinstance(expression, ast.Subscript) or (isinstance(expression, ast.Call) and expression.args):
            yield from self._rearranged(site, index)
        if isinstance(expression, ast.List) and index:
            yield Site(call, expression.elts[index[0]], site.more), index[1:]
        if isinstance(expression, ast.Name) and expression.id not in dict(site.more):
            if expression.id not in call.values:  # a constant of the module
                return
            yield from self._variable(call, expression, index)
        if isinstance(expression, ast.Attribute):
            yield from self._attribute(site, expression, index)
        if isinstance(expression, ast.Call) and (inner := self.called(site, value)):
            made = source.returned(inner)
            if made is not None:
                yield Site(inner, made), index
        yield from self._identical(value, index, call)

    def _chosen(self, site: Site, expression: ast.Attribute) -> bool:
        """Whether it is a degree of a layout: those are listed and chosen from, not computed."""
        held = self.value(Site(site.call, expression.value, site.more))
        return isinstance(held, Layout) and expression.attr in held.__dataclass_fields__

    def _variable(self, call: Call, name: ast.Name, index: Index) -> Iterator[tuple[Site, Index]]:
        if name.id in call.code.co_freevars:
            above = call.parent
            while above is not None and not (above.whole and name.id in above.values):
                above = above.parent
            if above is not None:
                yield Site(above, ast.Name(name.id, ast.Load())), index
            return
        there = source.meant(call, name)
        for one in source.assigned(call, name.id)[::-1] if there is None else there:
            if one.place is None:
                yield Site(call, one.expression), index
            else:
                yield from self._unpacked(call, one.expression, one.place, index)
        if name.id in source.parameters(call):
            given = source.argument(call, name.id)
            if given is not None:
                yield Site(*given), index
            yield from self._handed(call, call.values.get(name.id), index)

    def _handed(self, call: Call, value: Any, index: Index) -> Iterator[tuple[Site, Index]]:
        """The field of a value of the caller that a comprehension handed to a call."""
        above = call.parent
        while above is not None and not above.whole:
            above = above.parent
        for name, held in (above.values if above else {}).items():
            for part in getattr(held, "__dataclass_fields__", ()):
                if above is not None and isinstance(value, np.ndarray) and getattr(held, part, None) is value:
                    yield Site(above, ast.Attribute(ast.Name(name, ast.Load()), part, ast.Load())), index

    def _unpacked(self, call: Call, made: ast.expr, place: int, index: Index) -> Iterator[tuple[Site, Index]]:
        if isinstance(made, ast.Tuple):
            yield Site(call, made.elts[place]), index
        elif isinstance(made, ast.Call) and source.text(made.func) == "np.broadcast_arrays":
            given = made.args[place]
            at = aligned(self.value(Site(call, given)), index)
            if at is not None:
                yield Site(call, given), at
        elif isinstance(made, ast.GeneratorExp):
            each = list(items(made, Site(call, made)))
            if place < len(each):
                yield Site(call, *each[place]), index
        elif isinstance(made, ast.Call) and (inner := self.called(Site(call, made), None)):
            result = source.returned(inner)
            if isinstance(result, ast.Tuple):
                yield Site(inner, result.elts[place]), index

    def _attribute(self, site: Site, expression: ast.Attribute, index: Index) -> Iterator[tuple[Site, Index]]:
        held = self.value(Site(site.call, expression.value, site.more))
        if callable(getattr(held, "source", None)):  # it says itself whose figure this is
            return
        descriptor = getattr(type(held), expression.attr, None)
        getter = getattr(descriptor, "fget", None) or getattr(descriptor, "func", None)
        if getter is not None:
            for one in self.calls:
                if one.code is getattr(getter, "__code__", None) and one.values.get("self") is held:
                    made = source.returned(one)
                    if made is not None:
                        yield Site(one, made), index
                    return
        maker = self.held.get(id(held))
        spelled = source.field_of(maker.expression, held, expression.attr) if maker else None
        if maker is not None and spelled is not None:
            yield Site(maker.call, spelled), index

    def _rearranged(self, site: Site, index: Index) -> Iterator[tuple[Site, Index]]:
        """`x[rows, best]` and its like: the element of x that is at `index` of the result."""
        expression = site.expression
        inner = expression.value if isinstance(expression, ast.Subscript) else expression.args[0]  # type: ignore[attr-defined]
        if isinstance(inner, ast.Attribute) and inner.attr == "flat":
            inner = inner.value
        name = source.text(expression.func) if isinstance(expression, ast.Call) else ""
        if name == "np.array" and isinstance(inner, ast.ListComp) and index:
            each = list(items(inner, site))
            if index[0] < len(each):
                yield Site(site.call, *each[index[0]]), index[1:]
            return
        if name not in ("", "np.take_along_axis", "np.broadcast_to", "np.ravel", "np.reshape"):
            return
        held = source.evaluated(inner, site.call, dict(site.more))
        held = np.asarray(held) if isinstance(held, np.generic) else held
        if not isinstance(held, np.ndarray) or held.size > _LARGEST_ARRAY:
            return
        places = np.arange(held.size).reshape(held.shape)
        moved = Replaced(inner, ast.Name("places_", ast.Load())).visit(
            ast.parse(source.text(expression), mode="eval").body
        )
        at = number_at(source.evaluated(moved, site.call, {**dict(site.more), "places_": places}), index)
        if at is not None:
            yield Site(site.call, inner, site.more), tuple(int(i) for i in np.unravel_index(int(at), held.shape))

    def called(self, site: Site, value: Any) -> Call | None:
        """The recorded call behind a call's expression: same function, same line, same result."""
        expression = site.expression
        if not isinstance(expression, ast.Call):
            return None
        name = source.text(expression.func).rpartition(".")[2]
        lines = range(getattr(expression, "lineno", 0), (getattr(expression, "end_lineno", 0) or 0) + 1)
        near = [one for one in site.call.inside() if one.name == name]
        for one in (*(n for n in near if n.line in lines), *near):
            if value is None or equal(one.result, value):
                return one
        return None

    def _identical(self, value: Any, index: Index, call: Call) -> Iterator[tuple[Site, Index]]:
        """What made this very array, or the array that it is a view of, or a number with all the same digits."""
        if isinstance(value, np.ndarray):
            base: Any = value
            while base is not None:
                if id(base) in self.made and _before(self.made[id(base)][0], call):
                    at = index if base is value else in_base(value, index, base)
                    if at is not None:
                        yield from self._producer(*self.made[id(base)], at)
                base = base.base if isinstance(base.base, np.ndarray) else None
        number = number_at(value, index)
        if number is not None and not simple(number):
            for maker, name, at in self.digits.of(number):
                if _before(maker, call):
                    yield from self._producer(maker, name, at)

    def _producer(self, call: Call, name: str, index: Index) -> Iterator[tuple[Site, Index]]:
        if not name:
            made = source.returned(call)
            if made is not None:
                yield Site(call, made), index
            return
        for one in source.assigned(call, name)[::-1]:
            if one.place is None:
                yield Site(call, one.expression), index
            else:
                yield from self._unpacked(call, one.expression, one.place, index)


def _all(call: Call) -> Iterator[Call]:
    for child in call.children:
        yield child
        yield from _all(child)


def _before(maker: Call, call: Call) -> bool:
    """Whether a value of one call can have come into another: it was over before, or is around it."""
    above = call.parent
    while above is not None:
        if above is maker:
            return True
        above = above.parent
    return maker is not call and maker.at < call.at
