"""One report, many renderings: all complete, all deterministic, none that runs what a user wrote."""

import csv
import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from capplan.report import formats
from capplan.report.answer import Reported
from capplan.report.document import columns, document, schema
from capplan.report.found import Formats
from capplan.report.metrics import METRICS
from capplan.report.report import Report, withheld

HOSTILE = "<script>alert(1)</script> [bold]x[/bold] | `y` \x1b[31m"


@pytest.mark.parametrize("name", formats.names())
def test_the_same_report_gives_the_same_bytes(sweep: Report, name: str) -> None:
    assert formats.render(Reported(sweep), name) == formats.render(Reported(sweep), name)


@pytest.mark.parametrize("name", formats.names())
def test_every_format_ends_in_one_line_feed_and_tells_what_cannot_be(sweep: Report, name: str) -> None:
    text = formats.render(Reported(withheld(sweep)), name)
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert "memory" in text


def test_formats_are_found_by_file_name_and_suffix(tmp_path) -> None:
    assert formats.names() == ["table", "csv", "html", "json", "markdown"]
    asked = {"a.json": "json", "b.MD": "markdown", "c.htm": "html", "d.txt": "table", "e.xlsx": None, "f": None}
    assert {name: formats.of_suffix(tmp_path / name) for name in asked} == asked


def test_a_format_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tco: Report) -> None:
    package = tmp_path / "louder"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "shout.py").write_text(
        'SUFFIXES = (".shout",)\n\n\ndef render(answer, width, color):\n'
        "    return answer.blocks()[0].text.upper() + chr(10)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = Formats("louder", package)
    assert found.names() == ["table", "shout"] and found.module("shout").render(Reported(tco), None, False).startswith(
        "SUPPORT"
    )


def test_json_keeps_the_schema_of_the_contract(sweep: Report, tco: Report) -> None:
    for report in (sweep, withheld(sweep), tco):
        jsonschema.validate(json.loads(formats.render(Reported(report), "json")), schema())


def test_every_row_has_every_column_in_json_and_csv(sweep: Report) -> None:
    rows = json.loads(formats.render(Reported(sweep), "json"))["rows"]
    lines = list(csv.DictReader(io.StringIO(formats.render(Reported(sweep), "csv"))))
    names = [metric.name for metric in METRICS]
    assert all(list(row) == names for row in [*rows, *lines])
    assert rows[0]["accuracy"] is None and lines[0]["accuracy"] == ""


def test_money_is_exact_to_the_cent_in_json_and_csv(sweep: Report) -> None:
    large = replace(sweep, rows=({**sweep.rows[0], "annual_tco_usd": Decimal("9876543210987.65")},))
    assert json.loads(formats.render(Reported(large), "json"), parse_float=Decimal)["rows"][0][
        "annual_tco_usd"
    ] == Decimal("9876543210987.65")
    assert "9876543210987.65" in formats.render(Reported(large), "csv")
    whole = replace(sweep, rows=({**sweep.rows[0], "annual_tco_usd": Decimal("70271265.00")},))
    assert "70271265.00" in formats.render(Reported(whole), "csv")


def test_a_swept_key_that_is_no_metric_has_a_column_of_its_own(sweep: Report) -> None:
    swept = replace(sweep, rows=({"workload.qps": 50, **sweep.rows[0]},), axes=("workload.qps",))
    assert columns(swept)[0] == "workload.qps"
    assert formats.render(Reported(swept), "csv").startswith("workload.qps,k,")


def test_floats_are_rounded_alike_on_every_machine(sweep: Report) -> None:
    jitter = replace(sweep, rows=({**sweep.rows[0], "ttft_s": 0.1 + 0.2},))
    assert document(jitter)["rows"][0]["ttft_s"] == 0.3


def test_infinity_and_no_number_never_reach_json(sweep: Report) -> None:
    odd = replace(sweep, rows=({**sweep.rows[0], "ttft_s": float("inf")},), scenario={"concentration": float("inf")})
    text = formats.render(Reported(odd), "json")
    assert "Infinity" not in text and "NaN" not in text


def test_results_of_a_plan_that_cannot_be_are_withheld_unless_asked_for(sweep: Report) -> None:
    hidden = document(withheld(sweep))["rows"][2]
    assert hidden["annual_tco_usd"] is None and hidden["gpus"] is None and hidden["tta_s"] is None
    assert hidden["k"] == 16 and hidden["model"] == "llama-3.3-70b" and hidden["feasible"] is False
    assert document(sweep)["rows"][2]["annual_tco_usd"] == 19753086.24
    assert document(withheld(sweep))["rows"][0] == document(sweep)["rows"][0]


def test_the_constraint_and_its_cure_are_in_text_and_json(sweep: Report) -> None:
    table = formats.render(Reported(withheld(sweep)), "table")
    assert "NO: memory" in table and "K = 16: memory: 140 GB of weights do not fit 80 GB" in table
    assert "cure: tensor_parallel 2  (--set serving.tensor_parallel=2)" in table
    told = document(sweep)["excuses"][0]
    assert told["row"] == 2 and told["constraint"] == "memory" and told["changes"] == {"serving.tensor_parallel": 2}


@pytest.mark.parametrize("name", ["table", "markdown", "html"])
def test_what_a_user_wrote_is_shown_and_not_run(sweep: Report, name: str) -> None:
    text = formats.render(Reported(replace(sweep, scenario={"name": HOSTILE})), name)
    assert "<script>alert" not in text or name == "table"
    assert "\x1b" not in text
    assert "bold" in text


def test_the_page_asks_nothing_of_the_network(tco: Report) -> None:
    page = formats.render(Reported(tco), "html")
    assert not [mark for mark in ("http:", "https:", "src=", "@import", "url(") if mark in page]


def test_cost_lines_add_up_to_the_total_that_is_shown(tco: Report) -> None:
    table = formats.render(Reported(tco), "table")
    assert "1,000,000.10" in table and "234,567.79" in table and "1,234,567.89" in table
    assert "$1,234,568 a year on 6 GPUs" in table
