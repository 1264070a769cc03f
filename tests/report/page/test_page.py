"""The page: what it holds, how large it is, and how a browser takes it."""

import html
import json
import re
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from capplan.report.charts import draw
from capplan.report.page.gather import gather
from capplan.report.page.page import Page
from capplan.report.page.render import render
from capplan.scenario.loader import load, loads

ROOT = Path(__file__).parents[3]
NASTY = "<script>document.title='run'</script>"
Chromium = Callable[..., subprocess.CompletedProcess[str]]
SMALL = "{version: 1, name: %s, model: llama-3.1-8b, workload: {qps: 50}, reasoning: {k: 2}}"


@pytest.fixture(scope="module")
def page() -> Page:
    """A page with user text that looks like markup."""
    return gather(loads(SMALL % json.dumps(NASTY)), {"reasoning.k": [1, 4, 8]})


@pytest.fixture(scope="module")
def grid() -> str:
    """The page of 500 plans."""
    return render(gather(loads(SMALL % "grid"), {"reasoning.k": range(1, 11), "workload.qps": range(10, 60)}))


class Outline(HTMLParser):
    """Elements and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")]


def test_the_page_answers_first_and_has_every_part(page: Page) -> None:
    assert [section.name for section in page.sections] == ["plan", "cost", "latency", "sweep", "sources"]
    assert re.match(r"\$[\d,]+ a year on \d+ GPUs", page.answer)
    assert [chart.name for chart in page.charts] == ["cost-breakdown", "latency", "cost", "multipliers"]


def test_parts_come_with_what_the_scenario_asks() -> None:
    asked = {
        "risk-support": "risk", "breakeven-reasoning": "breakeven", "maths-strategies": "frontier",
        "routing-70-30": "route",
    }  # fmt: skip
    for scenario, section in asked.items():
        made = gather(load(ROOT / "scenarios" / f"{scenario}.yaml"))
        assert section in [one.name for one in made.sections], scenario


def test_nothing_is_asked_of_the_network_and_user_text_is_not_run(page: Page) -> None:
    text = render(page)
    outline = Outline(text)
    assert all(address.startswith("#") for address in outline.addresses)
    assert "default-src 'none'" in text and "@import" not in text and "url(" not in text.replace("url(#", "")
    assert outline.tags.count("script") == 1 and NASTY not in text and "&lt;script&gt;" in text


def test_charts_say_their_values_in_words_and_are_well_formed(page: Page) -> None:
    for chart in page.charts:
        drawn = Xml.fromstring(draw.svg(chart))
        words = [node.get("aria-label") for node in drawn.iter() if node.get("role") == "graphics-symbol"]
        assert words and all(words) and chart.summary
        assert draw.png(chart)[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_same_scenario_gives_the_same_bytes(page: Page) -> None:
    assert render(page) == render(page)


def test_a_plan_that_cannot_be_is_told_without_results() -> None:
    scenario = load(ROOT / "scenarios" / "textbook-gpt4-h100.yaml")
    hidden, shown = gather(scenario), gather(scenario, possible_only=False)
    assert "Cannot be" in render(hidden) and "cost" not in [section.name for section in hidden.sections]
    assert "cost" in [section.name for section in shown.sections]


def test_five_hundred_plans_stay_below_six_megabytes(grid: str) -> None:
    assert len(grid.encode()) < 6e6
    assert grid.count("<tr") >= 500


CHECK = """<script>
addEventListener("load", () => {
  const table = [...document.querySelectorAll("table")].find(one => one.querySelector("th button"));
  const heads = [...table.tHead.rows[0].cells], at = heads.findIndex(one => one.textContent.includes("USD/year"));
  const read = () => [...table.tBodies[0].rows].map(row => Number(row.cells[at].textContent.replace(/,/g, "")));
  const button = heads[at].querySelector("button");
  button.click(); const up = read(); button.click(); const down = read();
  const mark = document.querySelector("figure [tabindex]");
  mark.dispatchEvent(new FocusEvent("focusin", { bubbles: true }));
  const marks = [...document.querySelector("figure").querySelectorAll("[tabindex]")];
  marks[0].focus();
  marks[0].dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  const walked = document.activeElement === marks[1] && marks[1].getAttribute("tabindex") === "0";
  const stops = [...document.querySelectorAll("figure")].map(one => one.querySelectorAll("[tabindex='0']").length);
  const unnamed = [...document.querySelectorAll("figure, [role=region], nav, button")]
    .filter(one => !(one.getAttribute("aria-label") || one.textContent).trim()).length;
  const levels = [...document.querySelectorAll("h1, h2, h3")].map(one => Number(one.tagName[1]));
  const jumps = levels.filter((level, at) => at > 0 && level > levels[at - 1] + 1).length;
  const found = {
    walked, stops, unnamed, jumps, firsts: levels.filter(level => level === 1).length,
    scoped: [...document.querySelectorAll("th")].every(one => one.scope),
    title: document.title, charts: document.querySelectorAll("figure svg").length,
    drawn: [...document.querySelectorAll("figure svg")].every(one => one.getBoundingClientRect().width > 100),
    rising: up.every((v, i) => i === 0 || up[i - 1] <= v), falling: down.every((v, i) => i === 0 || down[i - 1] >= v),
    rows: up.length, tip: document.getElementById("tip").textContent, sorted: heads[at].getAttribute("aria-sort"),
    ms: Math.round(performance.now()),
  };
  const told = document.createElement("pre");
  told.id = "found"; told.textContent = JSON.stringify(found); document.body.append(told);
});
</script></body>"""


def in_browser(chromium: Chromium, text: str) -> tuple[dict[str, Any], str]:
    """(what the check found, console messages) of the page in a browser."""
    done = chromium(text.replace("</body>", CHECK), "--dump-dom")
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return json.loads(html.unescape(found[1])), console


def test_a_browser_draws_the_charts_sorts_the_table_and_complains_of_nothing(page: Page, chromium: Chromium) -> None:
    found, console = in_browser(chromium, render(page))
    assert console == ""
    assert found["charts"] == 4 and found["drawn"]
    assert found["rising"] and found["falling"] and found["rows"] == 3 and found["sorted"] == "descending"
    assert "USD a year" in found["tip"]
    assert found["title"] != "run" and NASTY in found["title"]


def test_keyboard_and_screen_readers_find_their_way(page: Page, chromium: Chromium) -> None:
    found, _ = in_browser(chromium, render(page))
    assert found["walked"], "arrows go from mark to mark"
    assert set(found["stops"]) == {1}, "a chart is one stop of the tabulator"
    assert found["unnamed"] == 0 and found["scoped"] and found["firsts"] == 1 and found["jumps"] == 0


def test_five_hundred_plans_open_within_three_seconds(grid: str, chromium: Chromium) -> None:
    found, console = in_browser(chromium, grid)
    assert found["rows"] == 500 and found["rising"] and console == ""
    assert found["ms"] < 3000
