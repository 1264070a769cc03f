"""Limits, exemptions and verdicts."""

import datetime
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from capplan.report.diff.compare import RowDiff, compare
from capplan.report.diff.policy import loads, schema
from capplan.report.diff.sides import Side, side
from capplan.report.diff.verdict import Verdict, judge
from capplan.scenario.faults import ScenarioFaults

Planned = Callable[..., Side]
DAY = datetime.date(2026, 11, 21)


def rows(written: Planned, before: float | None, after: float | None, metric: str = "annual_tco_usd") -> list[RowDiff]:
    """One row whose figure is set by hand."""
    base, head = written(), written()
    return compare(*(
        side(json.dumps({**one.report, "rows": [{**one.report["rows"][0], metric: value}]}).encode(), "chat.json")
        for one, value in ((base, before), (head, after))
    ))  # fmt: skip


def judged(found: list[RowDiff], text: str, day: datetime.date = DAY) -> Verdict:
    return judge(found, [], loads(text), day)


@pytest.mark.parametrize(
    ("limit", "before", "after", "word"),
    [
        ("{increase: 5 %}", 100.0, 104.9, "PASS"),
        ("{increase: 5 %}", 100.0, 105.1, "FAIL"),
        ("{increase: 5 %}", 105.1, 100.0, "PASS"),
        ("{increase: 20 USD}", 100.0, 119.0, "PASS"),
        ("{increase: 20 USD}", 100.0, 121.0, "FAIL"),
        ("{increase: [50 %, 20 USD]}", 100.0, 121.0, "FAIL"),
        ("{decrease: 30 %}", 100.0, 69.0, "FAIL"),
        ("{decrease: 30 %}", 100.0, 71.0, "PASS"),
        ("{above: 120 USD}", 100.0, 121.0, "FAIL"),
        ("{above: 120 USD}", 121.0, 121.0, "FAIL"),
        ("{below: 120 USD}", 121.0, 119.0, "FAIL"),
        ("{increase: 500 %}", 0.0, 1.0, "FAIL"),
        ("{increase: 5 %}", 0.0, 0.0, "PASS"),
        ("{increase: 5 %}", None, 5.0, "PASS"),
    ],
)
def test_a_limit_holds_as_written(
    limit: str, before: float | None, after: float | None, word: str, written: Planned
) -> None:
    assert judged(rows(written, before, after), f"fail: {{annual_tco_usd: {limit}}}").word == word


def test_points_are_of_the_share_and_percents_of_what_it_was(written: Planned) -> None:
    fell = rows(written, 0.80, 0.77, "accuracy")
    assert judged(fell, "fail: {accuracy: {decrease: 2 points}}").word == "FAIL"
    assert judged(fell, "fail: {accuracy: {decrease: 4 points}}").word == "PASS"
    assert judged(fell, "fail: {accuracy: {decrease: 3 %}}").word == "FAIL"


def test_a_failed_limit_is_not_told_again_as_a_warning(written: Planned) -> None:
    text = "{fail: {annual_tco_usd: {increase: 5 %}}, warn: {annual_tco_usd: {increase: 1 %}}}"
    assert [one.level for one in judged(rows(written, 100, 110), text).told] == ["fail"]
    assert judged(rows(written, 100, 102), text).word == "WARN"


def test_a_scenarios_own_limit_goes_before_the_general_one(written: Planned) -> None:
    text = "{fail: {annual_tco_usd: {increase: 5 %}}, scenarios: {chat: {fail: {annual_tco_usd: {increase: 50 %}}}}}"
    assert judged(rows(written, 100, 120), text).word == "PASS"


def test_an_exemption_covers_until_its_day_and_fails_after_it(written: Planned) -> None:
    text = "{fail: {annual_tco_usd: {increase: 5 %}}, exempt: [{scenario: chat, until: 2026-12-31, reason: launch}]}"
    found = rows(written, 100, 120)
    assert judged(found, text).word == "PASS"
    assert "launch" in judged(found, text).told[0].message
    late = judged(found, text, datetime.date(2027, 1, 1))
    assert {one.rule for one in late.told} == {"CAP001", "CAP007"} and late.word == "FAIL"
    assert judged(rows(written, 100, 100), text, datetime.date(2027, 1, 1)).word == "FAIL"


def test_an_exemption_of_one_metric_leaves_the_others(written: Planned) -> None:
    text = (
        "{fail: {annual_tco_usd: {increase: 5 %}},"
        " exempt: [{scenario: chat, metric: gpus, until: 2026-12-31, reason: launch}]}"
    )
    assert judged(rows(written, 100, 120), text).word == "FAIL"


def test_a_plan_that_can_no_longer_be_fails_unless_allowed(written: Planned) -> None:
    found = [replace(rows(written, 100, 100)[0], status="infeasible-now")]
    assert judged(found, "{}").word == "FAIL"
    assert judged(found, "infeasible: allow").word == "PASS"


def test_noise_breaks_no_limit(written: Planned) -> None:
    found = [replace(rows(written, 100, 120)[0], status="noise")]
    assert judged(found, "fail: {annual_tco_usd: {increase: 5 %}}").word == "PASS"


def test_old_prices_warn_and_fail_by_their_age(written: Planned) -> None:
    head = written(into={"catalog": {"hash": "0", "date": "2026-11-01", "oldest_price": "2026-01"}})
    policy = loads("price_age: {warn: 60 days, fail: 400 days}")
    assert judge([], [head], policy, DAY).word == "WARN"
    assert judge([], [head], policy, datetime.date(2027, 3, 1)).word == "FAIL"
    assert judge([], [head], policy, datetime.date(2026, 1, 20)).word == "PASS"


BROKEN = {
    "fail: {anual_tco_usd: {increase: 5 %}}": "1:8: fail.anual_tco_usd: no such metric (did you mean 'annual_tco_usd'",
    "fail: {annual_tco_usd: {increese: 5 %}}": "did you mean 'increase'?",
    "fail: {tta_s: {above: 5 USD}}": "fail.tta_s.above",
    "fail: {annual_tco_usd: {above: 5 %}}": "fail.annual_tco_usd.above",
    "exempt: [{scenario: a, until: 2026-01-01}]": "exempt.0.reason: a required key is missing",
    "exempt: [{scenario: a, until: soon, reason: b}]": "exempt.0.until",
    "price_age: {warn: 60}": "price_age.warn",
    "noise: {usd: much}": "noise.usd",
    "fial: {}": "did you mean 'fail'?",
    "version: 2": "version",
    "[]": "keys are needed",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_fault_of_a_policy_is_told_at_its_place(text: str) -> None:
    with pytest.raises(ScenarioFaults) as wrong:
        loads(text, "policy.yaml")
    assert BROKEN[text] in str(wrong.value)
    assert str(wrong.value).startswith("policy.yaml:1:")


def test_all_faults_of_a_policy_are_told_together() -> None:
    with pytest.raises(ScenarioFaults) as wrong:
        loads(
            """
fial: {}
fail: {anual_tco_usd: {increase: 5 %}, tta_s: {above: 5 USD, abov: 1 s}}
scenarios: {chat: {warn: {gpuss: {above: 3}}}}
exempt: [{scenario: a, until: soon, reason: b}]
""",
            "policy.yaml",
        )
    told = str(wrong.value)
    for fault in ("2:1: fial", "3:8: fail.anual_tco_usd", "fail.tta_s.above", "fail.tta_s.abov", "gpuss", "until"):
        assert fault in told, told


def test_the_policy_may_be_a_part_of_a_larger_file() -> None:
    assert loads("policy: {noise: {usd: 1000 USD}}").noise_floor.usd == 1000


def test_the_schema_takes_what_is_read_and_refuses_what_is_not() -> None:
    made = schema()
    good: dict[str, Any] = {
        "version": 1, "noise": {"usd": "1000 USD"}, "fail": {"tta_s": {"above": "60 s"}},
        "warn": {"annual_tco_usd": {"increase": ["3 %", "1000 USD"]}},
        "exempt": [{"scenario": "a", "until": "2027-01-31", "reason": "b"}], "price_age": {"warn": "60 days"},
    }  # fmt: skip
    jsonschema.Draft202012Validator.check_schema(made)
    jsonschema.validate(good, made)
    assert loads(json.dumps(good)).noise.usd == 1000
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"fial": {}}, made)
