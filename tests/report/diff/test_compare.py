"""Rows side by side: statuses, changes, and the causes of a change of cost."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from capplan.errors import UserError
from capplan.report.diff.compare import Change, Noise, compare
from capplan.report.diff.result import Diff, diff
from capplan.report.diff.sides import Side, read, side

Planned = Callable[..., Side]


def of(base: Side, head: Side, **how: Any) -> Diff:
    return diff({"": base}, {"": head}, ("base", "head"), **how)


def test_a_report_against_itself_is_empty(written: Planned) -> None:
    found = of(written(), written())
    assert found.interesting == [] and found.counts == {"unchanged": 1}


def test_causes_are_named_and_add_up_to_the_cent(written: Planned) -> None:
    later = {"hash": "ffffffffffff", "date": "2027-01-01", "oldest_price": "2026"}
    found = of(written(k=4), written(k=8, price=25300, into={"catalog": later}))
    row = found.rows[0]
    total = round((row.change("annual_tco_usd").absolute or 0) * 100)
    assert set(row.causes) == {"K", "price", "catalogue"}
    assert sum(row.causes.values()) == total > 0
    assert row.causes["K"] > 0 > row.causes["price"] and row.causes["catalogue"] == 0


def test_what_planning_again_cannot_explain_is_the_catalogues_or_the_tools(written: Planned) -> None:
    head = written(k=8)
    rows = [{**head.report["rows"][0], "annual_tco_usd": head.report["rows"][0]["annual_tco_usd"] + 1000}]
    moved = side(json.dumps({**head.report, "rows": rows, "tool_version": "9.9"}).encode(), "chat.json")
    causes = of(written(k=4), moved).rows[0].causes
    assert causes["tool version"] == 100_000
    rows_only = side(json.dumps({**head.report, "rows": rows}).encode(), "chat.json")
    assert of(written(k=4), rows_only).rows[0].causes["not explained by re-planning"] == 100_000


def test_a_catalogue_and_a_tool_that_both_changed_share_a_cause_and_it_is_said_why(written: Planned) -> None:
    head = written(k=8)
    rows = [{**head.report["rows"][0], "annual_tco_usd": head.report["rows"][0]["annual_tco_usd"] + 1000}]
    later = {"hash": "ffffffffffff", "date": "2027-01-01", "oldest_price": "2026"}
    moved = {**head.report, "rows": rows, "tool_version": "9.9", "catalog": later}
    found = of(written(k=4), side(json.dumps(moved).encode(), "chat.json"))
    assert found.rows[0].causes["catalogue and tool version"] == 100_000
    assert "2027-01-01" in found.notes[0] and "9.9" in found.notes[0]
    # Where nothing is left for them there is nothing to say.
    same = side(json.dumps({**moved, "rows": head.report["rows"]}).encode(), "chat.json")
    assert of(written(k=4), same).notes == ()


def test_the_way_back_is_the_mirror(written: Planned) -> None:
    base, head = written(k=4, qps=150), written(k=8, price=20000, gpu="h200-sxm")
    there, back = of(base, head).rows[0], of(head, base).rows[0]
    assert there.causes == {cause: -cents for cause, cents in back.causes.items()}
    assert [(c.metric, c.base, c.head) for c in there.changes] == [(c.metric, c.head, c.base) for c in back.changes]
    assert [c.absolute for c in there.changes if c.absolute] == [-c.absolute for c in back.changes if c.absolute]


def test_a_catalogue_price_that_changed_is_told_as_a_price() -> None:
    text = "{version: 1, model: llama-3.1-8b, workload: {qps: 200}}"
    base = side(text.encode(), "a.yaml").report
    dearer = [
        {**said, "value": "30,000 USD"} if said["key"] == "cost.purchase_price" else said
        for said in base["assumptions"]
    ]
    again = side(
        b"{version: 1, model: llama-3.1-8b, workload: {qps: 200}, cost: {purchase_price: 30000 USD}}", "b.yaml"
    )
    head = {**base, "assumptions": dearer, "rows": again.report["rows"]}
    found = of(side(json.dumps(base).encode(), "a.json"), side(json.dumps(head).encode(), "b.json")).rows[0]
    assert list(found.causes) == ["price"]
    assert found.causes["price"] == round((found.change("annual_tco_usd").absolute or 0) * 100)


def test_rows_pair_by_what_tells_them_apart(planned: Planned) -> None:
    found = of(planned(k="[1, 4, 8]"), planned(k="[4, 8, 16]"), causes=False)
    statuses = {row.key: row.status for row in found.rows}
    assert statuses == {"K = 1": "removed", "K = 4": "changed", "K = 8": "changed", "K = 16": "added"}
    # What changed is only what the rows are measured against: the first of them.
    changed = {change.metric for row in found.rows for change in row.changes}
    assert changed <= {"latency_multiplier", "token_multiplier", "fleet_multiplier", "cost_multiplier"}


def test_sweeps_are_explained_row_by_row(planned: Planned) -> None:
    found = of(planned(k="[1, 8]"), planned(k="[1, 8]", qps=300, price=30000))
    for row in found.rows:
        assert set(row.causes) == {"traffic", "price"}
        assert sum(row.causes.values()) == round((row.change("annual_tco_usd").absolute or 0) * 100)


@pytest.mark.parametrize("status", ["infeasible-now", "feasible-now"])
def test_a_plan_that_can_no_longer_be_or_can_be_now_is_told_so(status: str) -> None:
    can = side(b"{version: 1, model: llama-3.1-8b, workload: {qps: 5}}", "a.yaml")
    cannot = side(b"{version: 1, model: llama-3.1-8b, workload: {qps: 5}, targets: {ttft_p95: 1 ms}}", "b.yaml")
    pair = (can, cannot) if status == "infeasible-now" else (cannot, can)
    row = of(*pair).rows[0]
    assert row.status == status
    assert bool(row.excuse) == (status == "infeasible-now")


def test_changes_below_the_floor_are_noise(written: Planned) -> None:
    base, head = written(qps=200), written(price=27501)
    assert compare(base, head)[0].status == "changed"
    assert compare(base, head, Noise(relative=0.001))[0].status == "noise"


def test_a_column_that_an_older_report_lacks_is_no_change(written: Planned) -> None:
    base = written()
    rows = [
        {name: value for name, value in row.items() if name != "usd_per_m_visible_tokens"}
        for row in base.report["rows"]
    ]
    older = side(json.dumps({**base.report, "rows": rows}).encode(), "older.json")
    assert of(older, base).counts == of(base, older).counts == {"unchanged": 1}


def test_nothing_is_a_percentage_of_zero() -> None:
    assert Change("rent_usd_per_year", 0.0, 5.0).relative is None
    assert Change("rent_usd_per_year", 0.0, 5.0).absolute == 5.0
    assert Change("rent_usd_per_year", None, 5.0).absolute is None
    assert Change("annual_tco_usd", 0.1, 0.3).absolute == 0.2


BROKEN = {
    "truncated": (lambda text: text[:200], "truncated"),
    "foreign": (lambda text: '{"schema": "infracost/2", "rows": []}', "not a report of capplan"),
    "unnamed": (lambda text: '{"rows": []}', "names no schema"),
    "newer": (lambda text: text.replace("capplan.report/1", "capplan.report/2"), "newer capplan"),
    "damaged": (lambda text: text.replace('"rows"', '"lines of it"'), "'rows' is missing"),
    "empty": (lambda text: "", "empty"),
    "no JSON": (lambda text: "rows: 1", "not JSON"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_report_that_cannot_be_read_is_named_with_the_reason(fault: str, written: Planned, tmp_path: Any) -> None:
    spoil, said = BROKEN[fault]
    file = tmp_path / "head.json"
    file.write_text(spoil(json.dumps(written().report)), encoding="utf-8")
    with pytest.raises(UserError, match=said) as wrong:
        read(str(file))
    assert str(file) in str(wrong.value)


def test_folders_pair_by_file_name(written: Planned, tmp_path: Any) -> None:
    for folder, names in (("base", ("one", "two")), ("head", ("two", "three"))):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / f"{name}.json").write_text(json.dumps(written(name=name).report))
    found = diff(read(str(tmp_path / "base")), read(str(tmp_path / "head")), ("base", "head"))
    assert {row.scenario: row.status for row in found.rows} == {"one": "removed", "two": "unchanged", "three": "added"}


def test_a_scenario_of_many_changed_keys_still_adds_up() -> None:
    base = b"{version: 1, model: llama-3.1-8b, workload: {qps: 200}}"
    head = (
        b"{version: 1, model: llama-3.3-70b, gpu: h200-sxm, workload: {qps: 250}, reasoning: {k: 2},"
        b" serving: {kv_cache: bf16, engine: sglang, prefix_cache_hit_rate: 30 %},"
        b" cost: {amortization: 3 year, interest: 5 %, pue: 1.3, electricity: 0.2 USD/kWh, spares: 4 %}}"
    )
    row = of(side(base, "a.yaml"), side(head, "b.yaml")).rows[0]
    assert {"model", "GPU", "K", "traffic", "price", "serving.engine", "cost.interest"} <= set(row.causes)
    assert sum(row.causes.values()) == round((row.change("annual_tco_usd").absolute or 0) * 100)
