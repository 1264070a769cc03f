"""Laws of reading: what is written reads back, and nothing that can be typed gives anything but faults."""

import json
from itertools import islice, product
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from capplan.scenario.faults import ScenarioFaults
from capplan.scenario.kinds import Choice, Flag, Kind, Whole
from capplan.scenario.length_kind import LengthKind
from capplan.scenario.loader import default_path, from_dict, load, loads
from capplan.scenario.overrides import variants, with_values
from capplan.scenario.part import Part, slots
from capplan.scenario.quantity import Quantity
from capplan.scenario.reasoning import KEYS
from capplan.scenario.schema import Scenario
from capplan.scenario.templates import examples, folder, names
from capplan.spellings import DIMENSIONS

# The first odd unit of a run loads the unit library, which takes most of a second.
settings.register_profile("scenario", deadline=None)
settings.load_profile("scenario")

SHIPPED = [*examples(), *(folder() / "templates" / f"{name}.yaml" for name in names())]


def leaves(part: type[Part], path: str = "") -> dict[str, Kind]:
    """Numeric and other closed leaf keys below a section, by dotted path."""
    found: dict[str, Kind] = {}
    for key, slot in slots(part).items():
        if slot.kind is not None:
            found[f"{path}{key}"] = slot.kind
        elif slot.part is not None and not slot.many and key not in ("routing", "speculative_decoding", "api"):
            found |= leaves(slot.part, f"{path}{key}.")
    return found


CLOSED = {
    path: kind
    for path, kind in leaves(Scenario).items()
    if isinstance(kind, (Quantity, Whole, Choice, Flag, LengthKind)) and not path.startswith(("reasoning", "targets"))
}


def value(kind: Kind) -> st.SearchStrategy[Any]:
    """Values that a kind takes, in SI."""
    if isinstance(kind, Quantity):
        low = kind.least if kind.least is not None else 0.0
        high = kind.most if kind.most is not None else 1e9
        return st.floats(low, high, exclude_min=kind.least is None, allow_subnormal=False).filter(
            lambda number: number == 0 or number > 1e-25
        )
    if isinstance(kind, Whole):
        return st.integers(kind.least, min(kind.most, 4096)) | (st.just("auto") if kind.auto else st.nothing())
    if isinstance(kind, Choice):
        return st.sampled_from(kind.words)
    if isinstance(kind, LengthKind):
        tokens = st.floats(1, 1e5)
        law = st.builds(lambda mean, cv: {"lognormal": {"mean": mean, "cv": cv}}, tokens, st.floats(0.01, 5))
        points = st.lists(tokens, min_size=2, max_size=2).map(sorted)
        return tokens | law | points.map(lambda two: {"quantiles": {"p50": two[0], "p99": two[1]}})
    return st.booleans()


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    base = loads("{version: 1, workload: {qps: 100}}")
    paths = draw(st.lists(st.sampled_from(sorted(CLOSED)), max_size=8, unique=True))
    changes: dict[str, Any] = {path: draw(value(CLOSED[path])) for path in paths}
    changes["reasoning.strategy"] = strategy = draw(
        st.sampled_from(sorted(KEYS.keys() - {"cascade"}))
    )  # which needs stages
    if "k" in KEYS[strategy]:
        changes["reasoning.k"] = draw(st.integers(1, 64))
    try:
        return with_values(base, changes)
    except ScenarioFaults:  # keys that contradict each other, which other tests are about
        return with_values(base, {"reasoning.strategy": strategy})


@given(scenarios())
def test_a_resolved_scenario_loads_back_to_an_equal_one(scenario: Scenario) -> None:
    resolved = scenario.resolved()
    assert from_dict(resolved) == scenario
    assert loads(json.dumps(resolved)) == scenario
    assert loads(yaml.safe_dump(resolved, sort_keys=False)) == scenario


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_load_and_their_resolved_form_is_stable(path: Any) -> None:
    scenario = load(path)
    again = from_dict(scenario.resolved(), path=path)
    assert again == scenario
    assert again.resolved() == scenario.resolved()
    assert json.dumps(scenario.resolved()) == json.dumps(load(path).resolved())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_point_of_a_shipped_scenario_is_a_scenario(path: Any) -> None:
    scenario = load(path)
    grid = islice(product(*scenario.sweeps.values()), 200)  # those of maths-strategies.yaml are 880 billion
    points = [with_values(scenario, dict(zip(scenario.sweeps, values, strict=True))) for values in grid]
    assert points and not any(point.sweeps for point in points)
    assert all(from_dict(point.resolved(), path=path) == point for point in points)


@given(st.sampled_from(sorted(DIMENSIONS)), st.floats(1e-12, 1e15))
def test_a_written_quantity_reads_as_the_very_same_number(unit: str, number: float) -> None:
    written = {"s", "years", "w", "usd", "usd_per_s", "usd_per_j", "usd_per_w_s", "usd_per_token", "kg_per_j"}
    if unit not in written and not DIMENSIONS[unit].bare:
        return
    kind = Quantity(unit)
    assert kind.read(str(kind.write(number))) == number


def value_at(scenario: Scenario, path: str) -> Any:
    """The value at a dotted path of keys, in SI."""
    found: Any = scenario
    for name in path.split("."):
        found = getattr(found, slots(type(found))[name].field)
    return found


@given(st.data())
def test_a_changed_value_is_found_where_it_was_put(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(CLOSED)))
    kind = CLOSED[path]
    put = data.draw(value(kind))
    try:
        changed = with_values(loads("{version: 1, workload: {qps: 100}}"), {path: put})
    except ScenarioFaults:
        return
    assert value_at(changed, path) == kind.read(put)


def tolerant(text: str) -> None:
    """Reads a text; whatever it is, it is a scenario or has faults."""
    try:
        assert isinstance(loads(text), Scenario)
    except ScenarioFaults as faults:
        assert faults.faults and str(faults)


@given(st.text(max_size=300))
def test_any_text_is_a_scenario_or_has_faults(text: str) -> None:
    tolerant(text)


@settings(max_examples=300)
@given(st.text(alphabet="abkqw:-[]{}&*?!|>#'\"%@,. \n\t0189~<", max_size=120))
def test_any_text_of_yamls_signs_is_a_scenario_or_has_faults(text: str) -> None:
    tolerant(text)
    tolerant("version: 1\nworkload: {qps: 100}\n" + text)


WORDS = st.one_of(
    st.sampled_from(sorted({key for path in leaves(Scenario) for key in path.split(".")})),
    st.sampled_from(["1", "0", "-3", "2 s", "70 %", "16k", ".inf", "auto", "null", "direct", "mid", "low", "p50"]),
    st.text(max_size=6),
)
TREES = st.recursive(
    WORDS | st.none() | st.integers() | st.floats() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(sorted(slots(Scenario))), TREES, max_size=6))
def test_any_tree_under_known_keys_is_a_scenario_or_has_faults(tree: dict[str, Any]) -> None:
    for data in (tree, {"version": 1, "workload": {"qps": 100}, **tree}):
        try:
            scenario = from_dict(data)
        except ScenarioFaults as faults:
            assert faults.faults and str(faults)
        else:
            assert from_dict(scenario.resolved()) == scenario


@given(st.binary(max_size=200))
def test_any_bytes_are_a_scenario_or_have_faults(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "any.yaml"
    path.write_bytes(raw)
    try:
        load(path)
    except ScenarioFaults as faults:
        assert faults.faults and str(faults)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_override_is_read_or_has_faults(path: str, text: str) -> None:
    for override in (f"{path}={text}", text, f"reasoning.k={text}", f"routing={text}", f"model={text}"):
        try:
            loads("{version: 1, workload: {qps: 100}}", overrides=[override])
        except ScenarioFaults as faults:
            assert faults.faults and str(faults)


@given(st.sampled_from([*sorted(leaves(Scenario)), "routing", "routing.tiers.0", "x.y"]), TREES)
def test_any_changed_value_is_taken_or_has_faults(path: str, tree: Any) -> None:
    try:
        with_values(loads("{version: 1, workload: {qps: 100}}"), {path: tree})
    except ScenarioFaults as faults:
        assert faults.faults and str(faults)


def test_the_points_of_a_grid_are_what_each_makes_by_itself() -> None:
    asked = load(default_path(), ["reasoning.k=[2,3]", "workload.burstiness={low: 1, mid: 2, high: 3}"])
    grid = [
        {"reasoning.k": k, "reasoning.tokens_per_step": tokens, "workload.qps": qps, "model": model}
        for k in (1, 8) for tokens in (64, 256) for qps in (1, "20") for model in ("llama-3.1-8b", "qwen3-32b")
    ]  # fmt: skip
    made = variants(asked, grid)
    for one, point in zip(made, grid, strict=True):
        alone = with_values(asked, point)
        assert one == alone and one.given_fields == alone.given_fields
        assert one.reasoning.given_fields == alone.reasoning.given_fields
    assert made[0].sweeps == {} and "workload.burstiness" in made[0].ranges
    assert made[0].workload is made[1].workload
    with pytest.raises(ScenarioFaults, match=r"reasoning\.k"):
        variants(asked, [*grid, {**grid[0], "reasoning.k": -1}])
