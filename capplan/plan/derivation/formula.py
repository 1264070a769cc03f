"""Source expressions as formulas: without what only arrays need, and with a short name for every term."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from capplan.plan.derivation.source import text

# What a formula may call; the same functions on single numbers as the planner's on arrays.
_NUMPY: Mapping[str, Callable[..., Any]] = {
    "maximum": max, "minimum": min, "exp": math.exp, "log": math.log, "log1p": math.log1p, "expm1": math.expm1,
    "floor": math.floor, "ceil": math.ceil, "sqrt": math.sqrt, "square": lambda x: x * x, "rint": round,
    "log10": math.log10, "abs": abs, "clip": lambda x, low, high: min(max(x, low), high),
    "round": round, "sign": lambda x: math.copysign(1.0, x) if x else 0.0,
}  # fmt: skip
_SHOWN = {"maximum": "max", "minimum": "min", "rint": "round", "clip": "clip", "abs": "abs"}
FUNCTIONS: dict[str, Any] = {
    "__builtins__": {}, "max": max, "min": min, "round": round, "abs": abs, "inf": math.inf, "floor_int": int,
    **{_SHOWN.get(name, name): function for name, function in _NUMPY.items()},
}  # fmt: skip
# Calls that hand their first argument on.
_CONVERSIONS = frozenset({"np.asarray", "np.atleast_1d", "float", "np.float64"})
_METHODS = frozenset({"astype", "item", "copy"})
_TO_ARRANGE = re.compile(r"np\.where|\bif\b|\bor\b|Decimal|scaleb|quantize|usd_each|usd_per_each")
# Unit costs are rounded so (`cost.lines.usd_per`).
_MONEY_DIGITS = 6


@dataclass(frozen=True)
class Terms:
    """expression: with names for terms, None where all of it is one term. terms: what the names stand for."""

    expression: ast.expr | None
    terms: Mapping[str, ast.expr] = field(default_factory=dict)


def arranged(expression: ast.expr, picked: Callable[[ast.expr], Any]) -> ast.expr:
    """The expression without conversions, and with only the branch of a choice that was taken."""
    inner = _handed_on(expression)
    if inner is not None:
        return inner
    if not _TO_ARRANGE.search(text(expression)):
        return expression
    money = _Money().visit(ast.parse(text(expression), mode="eval").body)
    if ast.unparse(money) != text(expression):
        return located(money, expression)
    if isinstance(expression, ast.IfExp):
        return expression.body if _true(picked(expression.test)) else expression.orelse
    if isinstance(expression, ast.BoolOp) and isinstance(expression.op, ast.Or):
        # `given or default`: the first that is something.
        return next((one for one in expression.values[:-1] if _true(picked(one))), expression.values[-1])
    if isinstance(expression, ast.Call) and text(expression.func) == "np.where" and len(expression.args) == 3:
        taken = picked(expression.args[0])
        if taken is not None:
            return expression.args[1] if _true(taken) else expression.args[2]
    made = _Inner(picked).visit_children(expression)
    return made if ast.unparse(made) != text(expression) else expression


def _handed_on(expression: ast.expr) -> ast.expr | None:
    if isinstance(expression, ast.Call):
        if text(expression.func) in _CONVERSIONS and expression.args:
            return expression.args[0]
        if isinstance(expression.func, ast.Attribute) and expression.func.attr in _METHODS:
            return expression.func.value
    return None


def _true(value: Any) -> bool:
    try:
        return bool(value)
    except ValueError:
        return False


def located(made: ast.expr, like: ast.expr) -> ast.expr:
    """The expression placed where another one stands: the line tells which value of a variable is meant."""
    for node in ast.walk(made):
        if hasattr(like, "lineno") and isinstance(node, ast.expr):
            ast.copy_location(node, like)
    return made


class _Money(ast.NodeTransformer):
    """Exact decimals as plain arithmetic."""

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "Decimal" and len(node.args) == 1:
            return node.args[0]
        if isinstance(node.func, ast.Name) and node.func.id == "usd_each":
            return ast.BinOp(node.args[0], ast.Div(), ast.Constant(100))
        if isinstance(node.func, ast.Name) and node.func.id == "usd_per_each":
            total, units, per = map(ast.unparse, node.args)
            return ast.parse(f"np.round(({total}) / 100 * ({per}) / ({units}), {_MONEY_DIGITS})", mode="eval").body
        if isinstance(node.func, ast.Attribute) and node.func.attr == "scaleb" and ast.unparse(node.args[0]) == "-2":
            return ast.BinOp(node.func.value, ast.Div(), ast.Constant(100))
        if isinstance(node.func, ast.Attribute) and node.func.attr == "quantize":
            return ast.Call(ast.Name("round", ast.Load()), [node.func.value, ast.Constant(_MONEY_DIGITS)], [])
        return node


class _Inner(ast.NodeTransformer):
    """Choices inside an expression, decided."""

    def __init__(self, picked: Callable[[ast.expr], Any]) -> None:
        self.picked = picked

    def visit_children(self, expression: ast.expr) -> ast.expr:
        made: ast.expr = self.generic_visit(ast.parse(text(expression), mode="eval").body)  # type: ignore[assignment]
        return located(made, expression)

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, (ast.GeneratorExp, ast.ListComp, ast.Lambda)):
            return node
        if isinstance(node, (ast.IfExp, ast.BoolOp)) or (
            isinstance(node, ast.Call) and ast.unparse(node.func) == "np.where" and len(node.args) == 3
        ):
            return self.visit(arranged(node, self.picked)) if arranged(node, self.picked) is not node else node
        return self.generic_visit(node)


@cache
def terms(expression: ast.expr, names: frozenset[str] = frozenset()) -> Terms:
    """Splits an expression into a formula and the terms that it is over. names: variables that stay as they are."""
    if _is_term(expression) and not (isinstance(expression, ast.Name) and expression.id in names):
        return Terms(None)
    found: dict[str, ast.expr] = {}
    maker = _Maker(found, names)
    made = maker.visit(ast.parse(text(expression), mode="eval").body)
    return Terms(made, {name: located(one, expression) for name, one in found.items()})


def _is_term(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        known = name.removeprefix("np.") if name.startswith("np.") else ""
        return (
            known not in _NUMPY
            and name not in ("max", "min", "round", "abs", "int", "sum")
            and name not in _CONVERSIONS
        )
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.List))


class _Maker(ast.NodeTransformer):
    def __init__(self, found: dict[str, ast.expr], names: frozenset[str]) -> None:
        self.found, self.names = found, names

    def visit(self, node: ast.AST) -> Any:
        inner = _handed_on(node) if isinstance(node, ast.expr) else None
        if inner is not None:
            return self.visit(inner)
        if isinstance(node, ast.Name) and node.id in self.names:
            self.found[node.id] = node
            return node
        if isinstance(node, ast.expr) and _is_term(node):
            return ast.Name(self._named(node), ast.Load())
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).removeprefix("np.")
            node.func = ast.Name("floor_int" if name == "int" else _SHOWN.get(name, name), ast.Load())
            node.args = [self.visit(one) for one in node.args]
            node.keywords = []
            return node
        return self.generic_visit(node)

    def _named(self, node: ast.expr) -> str:
        written = text(node)
        for name, one in self.found.items():
            if text(one) == written:
                return name
        short = re.sub(r"\W+", "_", _last(node)).strip("_") or "value"
        name, at = short if not short[0].isdigit() else f"n_{short}", 2
        while name in self.found or name in FUNCTIONS:
            name, at = f"{short}_{at}", at + 1
        self.found[name] = node
        return name


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        key = node.slice
        named = isinstance(key, ast.Constant) and isinstance(key.value, (str, int))
        return f"{_last(node.value)}_{ast.unparse(key)}" if named else _last(node.value)
    if isinstance(node, ast.Call):
        # `at(load.queries_per_s)` is called after what it reads.
        reading = ast.unparse(node.func) in ("at", "np.take_along_axis", "np.broadcast_to", "np.ravel")
        return _last(node.args[0]) if reading and node.args else _last(node.func)
    return "value"


def plain(form: ast.expr) -> ast.expr:
    """The formula ready to be written down."""
    return ast.fix_missing_locations(form)
