"""Charts: every kind of report that has some, as picture and as text."""

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from capplan.cli.main import code_of
from capplan.report.charts import kinds
from capplan.report.charts.chart import Chart
from capplan.report.charts.draw import png, svg
from capplan.report.charts.marks.bars import Bars
from capplan.report.charts.marks.lines import Lines
from capplan.report.charts.marks.spans import Spans
from capplan.report.charts.strips import WIDTH, text
from capplan.report.charts.vega import spec

KINDS = {
    "sweep": ["sweep", "scenarios/cot-k-sweep.yaml"],
    "tco": ["tco"],
    "route": ["route", "scenarios/routing-70-30.yaml"],
    "strategies": ["strategies", "scenarios/maths-strategies.yaml"],
    "compute": ["strategies", "scenarios/maths-strategies.yaml", "--models",
                "qwen2.5-7b,deepseek-r1-distill-llama-8b", "--allow-infeasible"],
    "crossover": ["crossover", "scenarios/textbook-gpt4-h100.yaml", "--model", "llama-3-70b", "--versus",
                  "gpt-4-textbook", "--allow-infeasible"],
    "optimize": ["optimize", "scenarios/optimize-chat.yaml", "--fast", "--gpus", "h100-sxm"],
    "simulate": ["simulate", "scenarios/templates/chat.yaml", "--requests", "2000"],
    "breakeven": ["breakeven", "scenarios/breakeven-reasoning.yaml"],
    "risk": ["risk", "scenarios/risk-support.yaml", "--worlds", "200"],
    "forecast": ["forecast", "scenarios/forecast-growth.yaml"],
}  # fmt: skip


def test_every_kind_of_chart_is_drawn_by_some_command() -> None:
    assert {path.stem for path in Path(kinds.__path__[0]).glob("[a-z]*.py")} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_command_draws_its_chart_as_svg_and_png(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / name for name in ("chart.svg", "again.svg", "chart.png")]
    asked = [word for file in files for word in ("--chart", str(file))]
    assert code_of([*KINDS[kind], *asked, "--quiet"]) == 0
    drawn = Xml.fromstring(files[0].read_text("utf-8"))
    words = [node.get("aria-label") for node in drawn.iter() if node.get("role") == "graphics-symbol"]
    assert words and all(words)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[2].read_bytes().startswith(b"\x89PNG")
    # Text of a chart below the table keeps within 80 columns, as it is for a terminal too.
    assert all(len(line) <= WIDTH for line in capsys.readouterr().out.splitlines() if "█" in line or "---o" in line)


@pytest.mark.parametrize(("asked", "said"), [("no-such=a.svg", "cost, multipliers"), ("a.gif", ".svg or .png")])
def test_a_chart_that_there_is_not_is_told(asked: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(["sweep", "scenarios/cot-k-sweep.yaml", "--k", "1,2", "--chart", asked]) == 2
    assert said in capsys.readouterr().err


def chart(mark: object, *rows: dict[str, object]) -> Chart:
    return Chart("name", "Title", "Summary.", rows, mark)  # type: ignore[arg-type]


def cells(line: str) -> float:
    return line.count("█") + 0.5 * line.count("▌")


def test_bars_of_text_are_as_long_as_their_amounts() -> None:
    made = chart(Bars("plan", "USD"), {"plan": "a", "USD": 10.0}, {"plan": "b", "USD": 40.0}, {"plan": "c", "USD": 0.0})
    a, b, c = text(made).splitlines()[1:4]
    assert cells(a) == pytest.approx(cells(b) / 4, abs=0.5) and cells(c) == 0
    assert a.split()[0] == "a" and a.endswith("10") and b.endswith("40")


def test_letters_stand_where_their_logarithm_does_and_share_a_star() -> None:
    rows = [{"x": x, "y": y, "of": of} for x, y, of in
            ((1, 1.0, "a"), (1, 10.0, "b"), (2, 5.0, "a"), (2, 5.0, "b"))]  # fmt: skip
    lines = text(chart(Lines("x", "y", "of", log_y=True), *rows)).splitlines()
    left = lines[3].index("1")  # where the scale begins
    assert lines[1][left] == "o" and lines[1].rstrip().endswith("x")
    assert (lines[2].index("*") - left) / (lines[1].index("x") - left) == pytest.approx(0.7, abs=0.05)
    assert "o a   x b" in lines[-1] and "* several" in lines[-1]


def test_a_span_runs_from_its_low_to_its_high_end() -> None:
    rows = [{"what": "w" * 70, "from": 1.0, "mid": 2.0, "to": 3.0}, {"what": "v", "from": 2.0, "mid": 2.0, "to": 5.0}]
    lines = text(chart(Spans("what", "from", "to", "axis", (("mid", "o"),)), *rows), 80).splitlines()
    assert lines[1].strip() == "w" * 70, "a long label stands on a line of its own"
    assert lines[2].index("|") < lines[2].index("o") < lines[2].rindex("|") < lines[4].rindex("|")
    assert max(map(len, lines[2:])) <= 80


def test_specifications_share_one_theme_and_hold_their_own_data() -> None:
    made = chart(Bars("plan", "USD"), {"plan": "<b>", "USD": 1234.5678})
    told = spec(made)
    assert told["config"]["font"] and told["data"]["values"] == [{"plan": "<b>", "USD": 1235}]
    assert "&lt;b&gt;" in svg(made) and "<b>" not in svg(made)
    assert png(made) == png(made) and json.dumps(told)
