"""`capplan explain`: the tree, its formats and what it refuses."""

import json
import math
import subprocess
from collections.abc import Callable

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_tree_begins_with_the_number_and_ends_with_sources(capplan: Run) -> None:
    done = capplan("explain", "default", "annual_tco_usd", "--depth", "all")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("USD/year: $") and "annual_tco_usd" in done.stdout
    assert "gpu_capex" in done.stdout and "[catalogue, accelerator h100-sxm" in done.stdout and "├─" in done.stdout


def test_json_holds_formulas_that_a_program_can_evaluate(capplan: Run) -> None:
    made = json.loads(capplan("explain", "default", "ttft_s", "-f", "json").stdout)
    known = {
        "max": max, "min": min, "round": round, "abs": abs, "exp": math.exp, "log": math.log, "expm1": math.expm1,
        "log1p": math.log1p, "floor": math.floor, "ceil": math.ceil, "sqrt": math.sqrt, "square": lambda x: x * x,
        "clip": lambda x, low, high: min(max(x, low), high), "floor_int": int, "sign": lambda x: (x > 0) - (x < 0),
    }  # fmt: skip
    values: list[float] = []
    for step in made["steps"]:
        inputs = {name: values[at] for name, at in step["inputs"].items()}
        found = eval(step["formula"], {**known, **inputs}) if step["formula"] else float(step["value"])
        values.append(float(found))
    assert values[made["root"]] == pytest.approx(made["value"], rel=1e-9)
    report = json.loads(capplan("tco", "-f", "json").stdout)
    assert report["rows"][0]["ttft_s"] == pytest.approx(made["value"], rel=1e-9)


def test_markdown_is_a_nested_list(capplan: Run) -> None:
    text = capplan("explain", "default", "itl_s", "-f", "markdown", "--depth", "2").stdout
    assert text.startswith("## ITL") and "\n- `itl_s`" in text and "\n  - `" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["default", "ttft"], "did you mean"),
        (["default", "model"], "a word"),
        (["default", "rent_usd_per_year"], "does not apply"),
        (["default", "ttft_s", "--depth", "deep"], "--depth"),
        (["default", "ttft_s", "-f", "csv"], "no such format"),
        (["no-such-file.yaml", "ttft_s"], "no-such-file.yaml"),
    ],
)
def test_what_cannot_be_explained_is_said_with_exit_2(arguments: list[str], said: str, capplan: Run) -> None:
    done = capplan("explain", *arguments)
    assert done.returncode == 2 and said in done.stderr and done.stdout == ""
