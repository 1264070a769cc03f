"""An expression where it stands: in a call, perhaps inside a comprehension."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from capplan.plan.derivation import source
from capplan.plan.derivation.formula import located
from capplan.plan.derivation.record import Call


@dataclass(frozen=True)
class Site:
    """An expression where it stands: in a call, perhaps with variables of a comprehension."""

    call: Call
    expression: ast.expr
    more: tuple[tuple[str, Any], ...] = ()

    @cached_property
    def key(self) -> tuple[int, str, str]:
        before = f"{self.expression.lineno}: " if source.earlier(self.call, self.expression) else ""
        return id(self.call), before + source.text(self.expression), repr([id(value) for _, value in self.more])


class Replaced(ast.NodeTransformer):
    """The tree with the part that reads like another one replaced."""

    def __init__(self, part: ast.expr, by: ast.expr) -> None:
        self.text, self.by = ast.unparse(part), by

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and ast.unparse(node) == self.text:
            return self.by
        return super().visit(node)


def items(made: ast.GeneratorExp | ast.ListComp, site: Site) -> Iterator[tuple[ast.expr, tuple[tuple[str, Any], ...]]]:
    """The element expression of a comprehension with its variables, item by item."""
    one = made.generators[0]
    names = [node.id for node in ast.walk(one.target) if isinstance(node, ast.Name)]
    if len(made.generators) != 1 or one.ifs:
        return
    spelled: ast.expr | None = one.iter
    if isinstance(spelled, ast.Name) and (found := source.assigned(site.call, spelled.id)) and found[0].place is None:
        spelled = found[0].expression
    if isinstance(spelled, ast.Tuple) and isinstance(one.target, ast.Name):
        for part in spelled.elts:
            elt = ast.parse(source.text(made.elt), mode="eval").body
            yield located(Replaced(one.target, part).visit(elt), made), site.more
        return
    for item in source.evaluated(one.iter, site.call, dict(site.more)):
        parts = (item,) if isinstance(one.target, ast.Name) else tuple(item)
        yield made.elt, (*site.more, *zip(names, parts, strict=True))
