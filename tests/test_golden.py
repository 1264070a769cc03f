"""One golden report per scenario that ships: a change of any number shows up in review.

`make golden` rewrites them. A line `#   capplan COMMAND ...` in the head of a scenario says which question it answers;
the golden is what that command reports, `tco` where there is no such line.
"""

import json
import math
import os
import re
import shlex
from pathlib import Path

import pytest

from tests.program import ROOT, Forks

GOLDEN = ROOT / "tests" / "golden"
SCENARIOS = sorted((ROOT / "scenarios").glob("*.yaml"))
# The processor's exponentials may differ in their last digits.
RELATIVE = 1e-8
# These change with every edit of the catalogue or release, whatever the numbers do.
UNCOMPARED = ("catalog", "tool_version")


def question(scenario: Path) -> list[str]:
    """The command line in the head of a scenario, without the program's name."""
    found = re.search(r"^#\s+capplan (.+)$", scenario.read_text("utf-8"), re.MULTILINE)
    asked = shlex.split(found[1]) if found else ["tco", f"scenarios/{scenario.name}"]
    return [argument for argument in asked if argument != "--allow-infeasible"]


def differences(golden: object, now: object, path: str = "") -> list[str]:
    """Where two JSON values differ, floats within RELATIVE."""
    if isinstance(golden, dict) and isinstance(now, dict):
        keys = list(dict.fromkeys([*golden, *now]))
        return [d for key in keys for d in differences(golden.get(key), now.get(key), f"{path}.{key}")]
    if isinstance(golden, list) and isinstance(now, list) and len(golden) == len(now):
        return [d for at, pair in enumerate(zip(golden, now, strict=True)) for d in differences(*pair, f"{path}[{at}]")]
    if isinstance(golden, float) and isinstance(now, int | float) and math.isclose(golden, now, rel_tol=RELATIVE):
        return []
    return [] if golden == now and isinstance(golden, bool) == isinstance(now, bool) else [f"{path}: {golden} -> {now}"]


def test_there_are_scenarios_and_no_golden_without_one() -> None:
    assert SCENARIOS
    assert {path.stem for path in GOLDEN.glob("*.json")} <= {path.stem for path in SCENARIOS}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_still_gives_its_golden_report(scenario: Path, forks: Forks) -> None:
    golden = GOLDEN / f"{scenario.stem}.json"
    done = forks.run(*question(scenario), "--allow-infeasible", "-f", "json")
    assert done.returncode == 0, done.stderr
    text = done.stdout
    if os.environ.get("CAPPLAN_WRITE_GOLDENS"):
        GOLDEN.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert golden.is_file(), "no golden yet: run `make golden` and read what it says"
    before, now = json.loads(golden.read_text("utf-8")), json.loads(text)
    changed = differences(
        *({key: part for key, part in whole.items() if key not in UNCOMPARED} for whole in (before, now))
    )
    assert not changed, "run `make golden` if this is meant:\n" + "\n".join(changed[:20])


def test_the_comparison_sees_a_changed_number_a_lost_row_and_a_new_key() -> None:
    before = {"rows": [{"gpus": 8, "tta_s": 1.5, "feasible": True}]}
    assert not differences(before, {"rows": [{"gpus": 8, "tta_s": 1.5 * (1 + 1e-12), "feasible": True}]})
    assert differences(before, {"rows": [{"gpus": 9, "tta_s": 1.5, "feasible": True}]}) == [".rows[0].gpus: 8 -> 9"]
    assert differences(before, {"rows": [{"gpus": 8, "tta_s": 1.6, "feasible": 1}]}) == [
        ".rows[0].tta_s: 1.5 -> 1.6",
        ".rows[0].feasible: True -> 1",
    ]
    assert differences(before, {"rows": []}) and differences(before, {**before, "new": 1})
