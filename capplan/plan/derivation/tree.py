"""From a figure back to the scenario and the catalogue, one formula at a time."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from capplan.plan.derivation import source
from capplan.plan.derivation.formula import FUNCTIONS, arranged, plain, terms
from capplan.plan.derivation.leaves import leaf_source
from capplan.plan.derivation.origin import UNREADABLE, Origins
from capplan.plan.derivation.place import Index, aligned, number_at, pick, same
from capplan.plan.derivation.record import Call
from capplan.plan.derivation.site import Replaced, Site, items

# Deeper than any figure's; a cycle would be a bug.
_DEEPEST = 120


@dataclass(frozen=True)
class Step:
    """One value: its name in the code, its formula over `inputs`, or its source where it is a leaf.

    formula: an expression over the inputs' names, '' for a leaf. where: the file and the function that computed it.
    """

    name: str
    value: float
    formula: str = ""
    inputs: Mapping[str, Step] = field(default_factory=dict)
    source: str = ""
    where: str = ""

    def again(self, known: dict[int, float] | None = None) -> float:
        """The value computed anew from the leaves up, by the formulas alone."""
        done = {} if known is None else known
        if id(self) not in done:
            inputs = {name: one.again(done) for name, one in self.inputs.items()}
            done[id(self)] = float(eval(self.formula, {**FUNCTIONS, **inputs})) if self.formula else self.value
        return done[id(self)]

    def leaves(self) -> Iterator[Step]:
        """Where the derivation ends; a leaf that is used twice comes once."""
        seen: set[int] = set()

        def walk(step: Step) -> Iterator[Step]:
            if id(step) in seen:
                return
            seen.add(id(step))
            if not step.inputs:
                yield step
            for one in step.inputs.values():
                yield from walk(one)

        return walk(self)


class Derivation:
    """The derivations of a recorded plan's figures."""

    def __init__(self, root: Call) -> None:
        self.origins = Origins(root)
        self.known: dict[tuple[tuple[int, str, str], Index], Step] = {}
        self.open: set[tuple[tuple[int, str, str], Index]] = set()

    def of(self, call: Call, column: str) -> Step | None:
        """The derivation of a column of the dict that a call returned; None where it has no expression of its own."""
        made = source.returned(call)
        made = made.elts[0] if isinstance(made, ast.Tuple) else made
        if isinstance(made, ast.Name) and (held := source.assigned(call, made.id)):
            made = held[-1].expression
        if not isinstance(made, ast.Dict):
            return None
        for key, value in zip(made.keys, made.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == column:
                return self._step(Site(call, value), (0,), column, 0)
            if key is None and isinstance(value, ast.Call):
                inner = self.origins.called(Site(call, value), None)
                found = self.of(inner, column) if inner else None
                if found is not None:
                    return found
        return None

    def _step(self, site: Site, index: Index, name: str, depth: int) -> Step:
        key = (site.key, index)
        if key in self.open:  # a number that is found in itself says nothing
            return self._leaf(site, name, number_at(self.origins.value(site), index))
        if key not in self.known:
            self.open.add(key)
            try:
                self.known[key] = self._derived(site, index, name, depth)
            except UNREADABLE:
                self.known[key] = self._leaf(site, name, number_at(self.origins.value(site), index))
            self.open.discard(key)
        return self.known[key]

    def _derived(self, site: Site, index: Index, name: str, depth: int) -> Step:
        value = self.origins.value(site)
        number = number_at(value, index)
        if depth > _DEEPEST or number is None:
            return self._leaf(site, name, number)
        core = arranged(site.expression, lambda part: pick(self.origins.value(Site(site.call, part, site.more)), index))
        if core is not site.expression:
            return self._step(Site(site.call, core, site.more), index, name, depth)
        found = terms(core)
        if found.expression is None:
            return self._term(site, value, index, name, depth)
        if any(isinstance(node, (ast.GeneratorExp, ast.ListComp, ast.Lambda)) for node in ast.walk(core)):
            return self._summed(site, index, name, number, depth) or self._leaf(site, name, number)
        return self._composed(site, found.expression, found.terms, index, name, number, depth)

    def _composed(
        self, site: Site, form: ast.expr, parts: Mapping[str, ast.expr], index: Index, name: str, number: float,
        depth: int,
    ) -> Step:  # fmt: skip
        """A formula over terms, where it gives the value again; else a leaf that names the function."""
        values, wanted = {}, {}
        for symbol, part in parts.items():
            held = self.origins.value(Site(site.call, part, site.more))
            at = aligned(held, index)
            one = None if at is None else number_at(held, at)
            if one is None or at is None:
                return self._leaf(site, name, number)
            values[symbol], wanted[symbol] = one, (part, at)
        text = ast.unparse(plain(form))
        try:
            again = float(eval(text, {**FUNCTIONS, **values}))
        except UNREADABLE:  # whatever the text does on single numbers, it is then not shown
            again = math.nan
        if not same(again, number):
            return self._leaf(site, name, number)
        inputs = {
            symbol: self._step(Site(site.call, part, site.more), at, symbol, depth + 1)
            for symbol, (part, at) in wanted.items()
        }
        return _shown(Step(name, number, text, inputs, where=_where(site.call)))

    def _summed(self, site: Site, index: Index, name: str, number: float, depth: int) -> Step | None:
        """`factor * sum(f(x) for x in ...)`: a sum of what the calls gave."""
        calls = [
            node for node in ast.walk(site.expression)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sum"
        ]  # fmt: skip
        if len(calls) != 1 or not isinstance(calls[0].args[0], ast.GeneratorExp):
            return None
        inner = calls[0].args[0]
        made = list(items(inner, site))
        symbols = {_part(at, more): (one, more) for at, (one, more) in enumerate(made)}
        total = ast.parse(" + ".join(symbols) or "0", mode="eval").body
        whole = Replaced(calls[0], total).visit(ast.parse(ast.unparse(site.expression), mode="eval").body)
        found = terms(whole, frozenset(symbols))
        form = found.expression if found.expression is not None else whole
        inputs: dict[str, Step] = {}
        for symbol, part in found.terms.items():
            if symbol in symbols:
                continue
            held = self.origins.value(Site(site.call, part))
            at = aligned(held, index)
            if at is None or number_at(held, at) is None:
                return None
            inputs[symbol] = self._step(Site(site.call, part), at, symbol, depth + 1)
        for symbol, (part, more) in symbols.items():
            one = Site(site.call, part, more)
            at = aligned(self.origins.value(one), index)
            if at is None:
                return None
            inputs[symbol] = self._step(one, at, symbol, depth + 1)
        text = ast.unparse(plain(form))
        try:
            again = float(eval(text, {**FUNCTIONS, **{symbol: one.value for symbol, one in inputs.items()}}))
        except UNREADABLE:  # as above
            return None
        return _shown(Step(name, number, text, inputs, where=_where(site.call))) if same(again, number) else None

    def _term(self, site: Site, value: Any, index: Index, name: str, depth: int) -> Step:
        """A variable, an attribute or a call: what stands behind it, else a leaf."""
        number = number_at(value, index)
        for behind, at in self.origins.behind(site, value, index):
            # A branch that was not taken, or a variable's earlier value, is another number.
            if behind.key != site.key and self.origins.gives(behind, at, number):
                return self._step(behind, at, name or _short(site.expression), depth + 1)
        return self._leaf(site, name, number)

    def _leaf(self, site: Site, name: str, number: float | None) -> Step:
        said = leaf_source(site.call, site.expression, dict(site.more))
        return Step(name or _short(site.expression), math.nan if number is None else number, source=said,
                    where=_where(site.call))  # fmt: skip


def _shown(step: Step) -> Step:
    """A formula that is one term alone is that term; one without any is a constant."""
    if not step.inputs:
        return replace(step, formula="", source="constant")
    only = next(iter(step.inputs.values()))
    return replace(only, name=step.name) if step.formula in step.inputs and len(step.inputs) == 1 else step


def _part(at: int, more: tuple[tuple[str, Any], ...]) -> str:
    """The name of a summand: its item's own where it has one that can stand in a formula."""
    own = str(getattr(more[-1][1], "name", "")) if more else ""
    return own if own.isidentifier() and own not in FUNCTIONS else f"part_{at + 1}"


def _short(expression: ast.expr) -> str:
    return ast.unparse(expression).rpartition(".")[2][:60]


def _where(call: Call) -> str:
    path = call.code.co_filename.replace("\\", "/").rpartition("/capplan/")[2]
    return f"{path}: {call.name}"
