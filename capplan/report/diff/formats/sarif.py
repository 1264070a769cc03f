"""SARIF 2.1.0: findings for code scanning, at the scenario's line where the scenario is a file.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", 2020.
"""

import hashlib
import json
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from capplan.version import __version__

from ..result import Diff
from ..verdict import RULES, Finding

SUFFIXES = (".sarif",)

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"fail": "error", "warn": "warning", "exempt": "note"}


def render(found: Diff, width: int | None, color: bool) -> str:
    """One run; exemptions are suppressed results with their reason."""
    told = found.verdict.told if found.verdict else []
    rules = list(RULES)
    run = {
        "tool": {
            "driver": {
                "name": "capplan",
                "version": __version__,
                "rules": [
                    {"id": rule, "name": name, "shortDescription": {"text": text}}
                    for rule, (name, text) in RULES.items()
                ],
            }
        },
        "results": [_result(found, one, rules.index(one.rule)) for one in told],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _result(found: Diff, one: Finding, rule: int) -> dict[str, Any]:
    key = "/".join((one.rule, one.scenario, one.row.key if one.row else "", one.metric))
    made: dict[str, Any] = {
        "ruleId": one.rule,
        "ruleIndex": rule,
        "level": _LEVELS[one.level],
        "message": {"text": one.message},
        # The same limit of the same plan is the same alert, whatever the numbers are this time.
        "partialFingerprints": {"limit/v1": hashlib.sha256(key.encode()).hexdigest()[:16]},
    }
    place = found.place(one.row, one.scenario)
    if place is not None:
        location = {"uri": quote(PurePath(place.file).as_posix())}
        made["locations"] = [{"physicalLocation": {"artifactLocation": location, "region": {"startLine": place.line}}}]
    if one.level == "exempt":
        made["suppressions"] = [{"kind": "external", "justification": one.message}]
    return made
