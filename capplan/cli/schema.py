"""The JSON Schema of scenario files, reports or policies, for editors and other programs.

$ capplan schema report
"""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from .common import Out, write


class Kind(StrEnum):
    """What there is a schema of."""

    scenario = "scenario"
    report = "report"
    policy = "policy"


def command(kind: Annotated[Kind, typer.Argument(help="What to describe.")] = Kind.scenario, out: Out = None) -> None:
    described = {Kind.scenario: _scenario, Kind.report: _report, Kind.policy: _policy}[kind]
    write(json.dumps(described(), indent=2, ensure_ascii=False) + "\n", out)


def _report() -> dict[str, Any]:
    from capplan.report.document import schema

    return schema()


def _scenario() -> dict[str, Any]:
    from capplan.scenario.json_schema import scenario_schema

    return scenario_schema()


def _policy() -> dict[str, Any]:
    from capplan.report.diff.policy import schema

    return schema()
