"""The derivations of a scenario's plan, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from capplan.plan.answer import Plan
from capplan.plan.derivation.record import record
from capplan.plan.derivation.tree import Derivation, Step
from capplan.plan.plan import plan

if TYPE_CHECKING:
    from capplan.scenario.schema import Scenario

# The functions whose dict has a plan's columns.
_ROWS = {"columns": "plan/rows.py", "textbook_plan": "plan/textbook.py"}


def derived(scenario: Scenario, columns: Sequence[str]) -> tuple[Plan, dict[str, Step]]:
    """The plan, made while it is watched, and the derivation of each of the columns that is a number.

    Raises what planning raises.
    """
    made, calls = record(lambda: plan(scenario))
    derivation = Derivation(calls)
    every = reversed(derivation.origins.calls)
    row = next(call for call in every if call.name in _ROWS and call.code.co_filename.endswith(_ROWS[call.name]))
    found = {}
    for column in columns:
        value = made.row.get(column)
        step = None if value is None or isinstance(value, (str, bool)) else derivation.of(row, column)
        if step is not None:
            found[column] = step
    return made, found
