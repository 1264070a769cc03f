"""The source text behind a call: which expression gave a variable, a field or the result."""

from __future__ import annotations

import ast
import builtins
import dataclasses
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

from capplan.plan.derivation.record import Call

Function = ast.FunctionDef


@cache
def _parsed(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8"))


@cache
def text(expression: ast.expr) -> str:
    """The expression as it is written; asked for often."""
    return ast.unparse(expression)


@cache
def _lambda(code: CodeType) -> ast.expr | None:
    """What a lambda computes, where it is the only one on its line."""
    found = [
        one for one in ast.walk(_parsed(code.co_filename))
        if isinstance(one, ast.Lambda) and one.lineno == code.co_firstlineno
    ]  # fmt: skip
    return found[0].body if len(found) == 1 else None


@cache
def _functions(path: str) -> dict[tuple[str, int], Function]:
    tree = _parsed(path)
    found: dict[tuple[str, int], Function] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            found[(node.name, first)] = node
    return found


@cache
def function(code: CodeType) -> Function | None:
    """The definition of a function, None for lambdas and comprehensions."""
    return _functions(code.co_filename).get((code.co_name, code.co_firstlineno))


@cache
def _own(node: Function) -> tuple[ast.stmt, ...]:
    """The statements of a function, those of functions inside it left out."""
    found: list[ast.stmt] = []

    def walk(statements: list[ast.stmt], looped: bool) -> None:
        for one in statements:
            if isinstance(one, ast.FunctionDef):
                continue
            if not looped or not isinstance(one, (ast.Assign, ast.AnnAssign)):
                found.append(one)
            for part in ("body", "orelse", "finalbody"):
                walk(getattr(one, part, []), looped or isinstance(one, (ast.For, ast.While)))

    walk(node.body, False)
    return tuple(found)


@cache
def _changed(node: Function) -> frozenset[str]:
    """Variables that are changed in place or in a loop: no single expression stands for them."""
    found: set[str] = set()
    for one in ast.walk(node):
        targets = one.targets if isinstance(one, ast.Assign) else [one.target] if isinstance(one, ast.AugAssign) else []
        for target in targets:
            if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                found.add(target.value.id)
            if isinstance(one, ast.AugAssign) and isinstance(target, ast.Name):
                found.add(target.id)
        if isinstance(one, (ast.For, ast.While)):
            found |= {
                name.id for name in ast.walk(one) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
            }
    return frozenset(found)


def changed_in(call: Call) -> frozenset[str]:
    """The variables of a call that no single expression stands for."""
    node = function(call.code)
    return _changed(node) if node else frozenset()


@dataclasses.dataclass(frozen=True)
class Assignment:
    """One assignment to a variable. place: in the tuple that is unpacked, None where there is none."""

    expression: ast.expr
    place: int | None
    line: int
    end: int


@cache
def _assignments(node: Function, name: str) -> tuple[Assignment, ...]:
    if name in _changed(node):
        return ()
    found = []
    for one in _own(node):
        if not isinstance(one, (ast.Assign, ast.AnnAssign)) or one.value is None:
            continue
        for target in one.targets if isinstance(one, ast.Assign) else [one.target]:
            names = [
                item.id if isinstance(item, ast.Name) else ""
                for item in (target.elts if isinstance(target, ast.Tuple) else [target])
            ]
            if name in names:
                place = names.index(name) if isinstance(target, ast.Tuple) else None
                found.append(Assignment(one.value, place, one.lineno, one.end_lineno or one.lineno))
    return tuple(found)


def assigned(call: Call, name: str) -> tuple[Assignment, ...]:
    """The assignments to a variable in the order of the text; none where loops or places in an array change it."""
    node = function(call.code)
    return _assignments(node, name) if node else ()


def meant(call: Call, name: ast.Name) -> tuple[Assignment, ...] | None:
    """The assignments that may have given a variable its value where it stands, the last first; none for a parameter.

    None where it stands nowhere in particular: then its last value is meant.
    """
    line = getattr(name, "lineno", None)
    held = assigned(call, name.id)
    if line is None:
        return None if held else ()
    return tuple(one for one in reversed(held) if one.end < line)


def returned(call: Call) -> ast.expr | None:
    """The expression whose value a call returned."""
    node = function(call.code)
    if call.name == "<lambda>":
        return _lambda(call.code)
    if node is None:
        return None
    for one in _own(node):
        if isinstance(one, ast.Return) and one.lineno <= call.returned_line <= (one.end_lineno or one.lineno):
            return one.value
    return None


def field_of(made: ast.expr, value: object, name: str) -> ast.expr | None:
    """The expression of a field in the expression that makes a dataclass, where it is spelled out."""
    if isinstance(made, ast.Call) and text(made.func) == "replace" and made.args:
        changed = next((one.value for one in made.keywords if one.arg == name), None)
        return changed or ast.copy_location(ast.Attribute(made.args[0], name, ast.Load()), made)
    if not isinstance(made, ast.Call) or text(made.func) != type(value).__name__:
        return None
    for keyword in made.keywords:
        if keyword.arg == name:
            return keyword.value
    places = [one.name for one in dataclasses.fields(value)]  # type: ignore[arg-type]
    at = places.index(name) if name in places else len(made.args)
    plain = at < len(made.args) and not any(isinstance(one, ast.Starred) for one in made.args[: at + 1])
    return made.args[at] if plain else None


@cache
def _calls(node: Function, name: str) -> tuple[ast.Call, ...]:
    """The calls of a function of that name in the text of another."""
    every = (one for one in ast.walk(node) if isinstance(one, ast.Call))
    return tuple(one for one in every if text(one.func).rpartition(".")[2] == name)


def argument(call: Call, name: str) -> tuple[Call, ast.expr] | None:
    """The expression that the caller gave for a parameter, where its line has one call of the function.

    A call in a comprehension is looked at in the function around it.
    """
    node, parent = function(call.code), call.parent
    line = call.line
    while parent is not None and not parent.whole:
        parent = parent.parent
    if node is None or parent is None:
        return None
    above = function(parent.code)
    if above is None:
        return None
    wanted = node.name
    sites = [one for one in _calls(above, wanted) if one.lineno <= line <= (one.end_lineno or one.lineno)]
    if len(sites) != 1:
        return None
    given = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
    method = given[:1] in (["self"], ["cls"])
    site, places = sites[0], given[1:] if method else given
    for keyword in site.keywords:
        if keyword.arg == name:
            return parent, keyword.value
    if any(isinstance(one, ast.Starred) for one in site.args):
        return None
    at = places.index(name) if name in places else len(site.args)
    return (parent, site.args[at]) if at < len(site.args) else None


def earlier(call: Call, expression: ast.expr) -> bool:
    """Whether a variable is meant before a later assignment gave it the value that the call ended with."""
    if not isinstance(expression, ast.Name):
        return False
    there = meant(call, expression)
    return there is not None and len(there) < len(assigned(call, expression.id))


def parameters(call: Call) -> frozenset[str]:
    """The names of the parameters of a call."""
    return _parameters(call.code)


@cache
def _parameters(code: CodeType) -> frozenset[str]:
    node = function(code)
    every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs) if node else ()
    return frozenset(one.arg for one in every)


@cache
def _compiled(written: str) -> CodeType:
    return compile(written, "<derivation>", "eval")


def evaluated(expression: ast.expr, call: Call, more: dict[str, Any] | None = None) -> Any:
    """The value of an expression in the scope of a call; functions of the planner are pure and may be asked again."""
    code = _compiled(text(expression))
    scope = {"__builtins__": builtins, **call.names, **enclosing(call), **call.values, **(more or {})}
    return eval(code, scope)


def enclosing(call: Call) -> dict[str, Any]:
    """Variables of the functions around a function that is defined inside another."""
    return {name: call.values[name] for name in call.code.co_freevars if name in call.values}
