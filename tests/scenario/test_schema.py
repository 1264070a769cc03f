"""The JSON Schema for editors, the templates, and how fast all this is."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from capplan.errors import UserError
from capplan.scenario import templates
from capplan.scenario.json_schema import scenario_schema
from capplan.scenario.length import Length
from capplan.scenario.loader import default_path, load, loads
from capplan.scenario.overrides import with_values
from capplan.scenario.part import Part, slots
from capplan.scenario.schema import Scenario

SHIPPED = [*templates.examples(), *(templates.folder() / "templates" / f"{name}.yaml" for name in templates.names())]
EDITOR = jsonschema.Draft202012Validator(scenario_schema())


def parts(part: type[Part], seen: set[type[Part]] | None = None) -> set[type[Part]]:
    found = seen if seen is not None else set()
    if part not in found:
        found.add(part)
        for slot in slots(part).values():
            if slot.part is not None:
                parts(slot.part, found)
    return found


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(scenario_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_satisfy_the_schema(path: Path) -> None:
    EDITOR.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    EDITOR.validate(load(path).resolved())


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 2, "workload": {"qps": 1}},
        {"version": 1},
        {"version": 1, "workload": {"qps": 1}, "servng": {}},
        {"version": 1, "workload": {"qps": 1}, "serving": {"weights": "fp7"}},
        {"version": 1, "workload": {"qps": 1}, "serving": {"tensor_parallel": "automatic"}},
        {"version": 1, "workload": {"qps": [1, 2]}},
        {"version": 1, "workload": {"qps": {"low": 1, "high": 2}}},
        {"version": 1, "workload": {"qps": 1}, "targets": {"ttft_p95": 2}},
        {"version": 1, "workload": {"qps": 1}, "reasoning": {"strategy": "guess"}},
        {"version": 1, "workload": {"qps": 1}, "routing": {"tiers": [{"share": 1}]}},
    ],
)
def test_an_editor_marks_what_the_loader_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        EDITOR.validate(wrong)
    with pytest.raises(UserError):
        loads(json.dumps(wrong))


def test_every_key_is_described() -> None:
    for part in parts(Scenario):
        for slot in slots(part).values():
            assert slot.description.endswith("."), f"{part.__name__}.{slot.key}"
            assert slot.kind is not None or slot.part is not None, f"{part.__name__}.{slot.key} has no kind"


def test_every_default_is_a_value_that_a_file_could_hold() -> None:
    for part in parts(Scenario):
        for slot in slots(part).values():
            if slot.kind is not None and slot.default is not None:
                written = slot.kind.write(slot.default)
                text = written if isinstance(written, (dict, list)) else str(written).lower()
                assert slot.kind.read(text) == slot.default, f"{part.__name__}.{slot.key}"


def test_templates_are_commented_and_listed() -> None:
    assert {"chat", "code-agent", "maths-batch", "rag", "textbook"} <= set(templates.names())
    for name in templates.names():
        text = templates.text(name)
        assert text.startswith("# ") and text.count("#") >= 6, name
        assert loads(text, path=templates.folder() / "any.yaml").name == name


def test_an_unknown_template_gets_a_suggestion() -> None:
    with pytest.raises(UserError, match="did you mean 'chat'"):
        templates.text("chatt")
    with pytest.raises(UserError, match="no template"):
        templates.text("../default")


def test_the_lengths_of_a_shipped_workload_are_its_measured_ones() -> None:
    scenario = loads("{version: 1, workload: {qps: 1, prompt_tokens: r1-production, answer_tokens: azure-code-2023}}")
    assert scenario.workload.prompt_tokens.mean_tokens == 1268
    assert scenario.workload.prompt_tokens.parameter("p99") == 23423
    assert scenario.workload.answer_tokens.mean_tokens == pytest.approx(27.9, abs=0.1)


def test_laws_of_lengths_have_their_means() -> None:
    def length(text: str) -> Length:
        return loads(f"{{version: 1, workload: {{qps: 1, prompt_tokens: {text}}}}}").workload.prompt_tokens

    assert length("2k").mean_tokens == 2000
    assert length("{lognormal: {mean: 1500, cv: 2}}").mean_tokens == 1500
    by_points = length("{lognormal: {p50: 800, p99: 12k}}")
    assert by_points.mean_tokens == pytest.approx(800 * 2.718281828 ** (by_points.sigma**2 / 2))
    # Two quantiles make the same lognormal law, integrated on a grid instead of in closed form.
    assert length("{quantiles: {p50: 800, p99: 12k}}").mean_tokens == pytest.approx(by_points.mean_tokens, rel=0.02)
    assert length("{quantiles: {p50: 800, p99: 12k, mean: 1500}}").mean_tokens == 1500
    assert length("{quantiles: {p50: 100, p90: 100}}").mean_tokens == pytest.approx(100)


def test_nothing_heavy_is_loaded_to_read_a_scenario() -> None:
    code = (
        "import sys; from capplan.scenario.loader import load, default_path; load(default_path());"
        "print([m for m in ('numpy', 'pint', 'scipy', 'rich', 'typer', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_itself_loads_nothing_but_its_version() -> None:
    code = "import sys, capplan; print([m for m in sys.modules if m.startswith('capplan.')], 'yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["['capplan.version']", "False"]


def test_a_variant_of_a_scenario_takes_less_than_100_microseconds() -> None:
    scenario = load(default_path())

    def variants(count: int) -> float:
        start = time.process_time()
        for at in range(count):
            with_values(scenario, {"reasoning.k": 1 + at % 16, "workload.qps": 100.0 + at})
        return (time.process_time() - start) / count

    assert min(variants(200) for _ in range(5)) < 100e-6
