"""Tables at any width: whole in a pipe, on their side in a narrow terminal, never cut."""

import re
from dataclasses import replace

import pytest

from capplan.report.answer import Reported
from capplan.report.formats import render
from capplan.report.report import Report, withheld

COLORS = re.compile(r"\x1b\[[0-9;]*m")


def test_in_a_pipe_a_row_is_a_line_however_wide(sweep: Report) -> None:
    lines = render(Reported(sweep), "table").splitlines()
    first = next(line for line in lines if line.split()[:1] == ["1"])
    assert len(first.split()) == 14 and first.split()[-1] == "yes"


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(sweep: Report, width: int) -> None:
    for line in render(Reported(withheld(sweep)), "table", width).splitlines():
        assert len(line) <= width or " " not in line.strip(), line


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_every_value_survives_every_width(sweep: Report, width: int) -> None:
    wide, narrow = render(Reported(sweep), "table"), render(Reported(sweep), "table", width)
    values = set(re.findall(r"[\d,.]+x?", wide.split("K = 8:")[0]))
    assert values <= set(re.findall(r"[\d,.]+x?", narrow))
    assert "…" not in narrow


def test_many_rows_in_a_narrow_terminal_come_in_pieces(sweep: Report) -> None:
    many = replace(sweep, rows=tuple({**sweep.rows[0], "k": k} for k in range(1, 31)), excuses=())
    text = render(Reported(many), "table", 80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("USD/year") > 1
    assert set(range(1, 31)) <= {int(word) for word in text.split() if word.isdigit()}


def test_sentences_fold_at_words_in_a_terminal_and_not_in_a_pipe(sweep: Report) -> None:
    long = replace(sweep, notes=("word " * 40,))
    assert "word " * 39 + "word" in render(Reported(long), "table")
    assert max(map(len, render(Reported(long), "table", 80).splitlines())) <= 80


def test_color_only_where_it_is_asked_for(sweep: Report) -> None:
    assert "\x1b" not in render(Reported(sweep), "table", 80)
    colored = render(Reported(sweep), "table", 80, color=True)
    assert "\x1b[" in colored
    assert [line.rstrip() for line in COLORS.sub("", colored).splitlines()] == render(
        Reported(sweep), "table", 80
    ).splitlines()


def test_columns_that_are_the_same_in_all_rows_are_said_once(sweep: Report) -> None:
    text = render(Reported(sweep), "table")
    assert text.count("llama-3.3-70b") == 1 and "llama-3.3-70b on h100-sxm, fp8 weights, fp8 KV cache" in text


def test_columns_that_differ_are_told_apart_in_the_table(sweep: Report) -> None:
    mixed = replace(sweep, rows=(sweep.rows[0], {**sweep.rows[1], "gpu": "b200-sxm"}), excuses=())
    text = render(Reported(mixed), "table")
    assert "h100-sxm" in text and "b200-sxm" in text and "GPU " in text
