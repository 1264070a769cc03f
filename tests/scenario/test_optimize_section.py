"""The choices that `optimize` lists: single values or lists, checked by name, written back as they were read."""

from pathlib import Path

import pytest

from capplan.scenario.faults import ScenarioFaults
from capplan.scenario.loader import from_dict, loads
from capplan.scenario.optimize import Optimize
from capplan.scenario.written import as_yaml

BASE = "version: 1\nworkload: {qps: 1}\n"


def test_one_value_and_a_list_of_one_are_the_same() -> None:
    one, listed = (loads(f"{BASE}optimize: {{gpus: {text}}}") for text in ("h100-sxm", "[h100-sxm]"))
    assert one == listed
    assert one.optimize is not None and one.optimize.gpus == ("h100-sxm",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gpus: [h100-sxm, h1000]", "no 'h1000' in the catalogue's accelerators"),
        ("pricing: [own, free]", "'free' is not own"),
        ("weights: [fp8, fp8]", "stands twice"),
        ("tensor_parallel: [0]", "at least 1"),
        ("gpus: {a: b}", "a list is needed"),
        ("classes: [50 %, 90 %]", "must rise up to 100 %"),
        ("stock: [{gpu: h100-sxm, gpus: 1}, {gpu: h100-sxm, gpus: 2}]", "names an accelerator twice"),
        ("modes: [both]", "unknown key"),
    ],
)
def test_a_wrong_choice_is_a_fault_at_its_line(text: str, said: str) -> None:
    with pytest.raises(ScenarioFaults) as raised:
        loads(f"{BASE}optimize:\n  {text}\n", "my.yaml")
    assert said in str(raised.value) and str(raised.value).startswith("my.yaml:4:")


def test_the_section_loads_back_as_it_was_and_is_absent_where_nobody_wrote_it() -> None:
    text = f"{BASE}optimize: {{gpus: [h100-sxm, l40s], concurrency: [1, 8], stock: [{{gpu: l40s, gpus: 8}}]}}"
    scenario = loads(text)
    assert from_dict(scenario.resolved()) == scenario
    assert "optimize" not in loads(BASE).resolved()
    assert scenario.optimize is not None
    assert (scenario.optimize.stock_of("l40s"), scenario.optimize.stock_of("h100-sxm")) == (8, None)
    assert Optimize().objective == "cost"


def test_a_scenario_written_as_a_file_is_the_same_scenario(tmp_path: Path) -> None:
    scenario = loads(f"{BASE}serving: {{prefix_cache_hit_rate: 30 %}}\ntargets: {{itl_p95: 50 ms}}")
    again = loads(as_yaml(scenario, tmp_path))
    assert again.resolved() == scenario.resolved()
