"""A scenario file, with overrides, to a `Scenario`; or every fault of it, each at file:line:column."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from capplan.reading import Unreadable, read_text
from capplan.scenario.document import LARGEST_BYTES, parse
from capplan.scenario.faults import Fault, ScenarioFaults
from capplan.scenario.overrides import apply, split, with_values
from capplan.scenario.part import copied
from capplan.scenario.reader import Reader, ordered
from capplan.scenario.schema import Scenario
from capplan.scenario.templates import folder
from capplan.scenario.tiers import tier_contradictions
from capplan.scenario.tree import Node, Source, node_of

_BYTE_ORDER_MARK = "\ufeff"


def default_path() -> Path:
    """The scenario that commands take when none is named."""
    return folder() / "default.yaml"


def load(path: str | Path, overrides: Sequence[str] = ()) -> Scenario:
    """Reads a scenario file. overrides: `PATH=VALUE`, as after `--set`; the last one for a path wins.

    Raises ScenarioFaults with everything that is wrong, in the file and in the overrides.
    """
    try:
        text = read_text(path, LARGEST_BYTES)
    except Unreadable as wrong:
        raise ScenarioFaults([Fault(wrong.file, 0, 0, "", wrong.why, wrong.hint)]) from None
    return _scenario(text, str(path), Path(path), overrides)


def loads(text: str, name: str = "<text>", overrides: Sequence[str] = (), path: Path | None = None) -> Scenario:
    """Reads a scenario from YAML or JSON text. path: the file that relative paths in it are to start from."""
    return _scenario(text, name, path, overrides)


def from_dict(data: Mapping[str, Any], name: str = "<data>", path: Path | None = None) -> Scenario:
    """Reads a scenario from plain data, such as `Scenario.resolved()` or the `scenario` of a JSON report."""
    return _read(node_of(data, Source(name)), [], path)


def _scenario(text: str, name: str, path: Path | None, overrides: Sequence[str]) -> Scenario:
    root, faults = parse(text.removeprefix(_BYTE_ORDER_MARK), name)
    if root.value is None:
        message, hint = "the file is empty", "`capplan init` writes a commented one to start from"
        raise ScenarioFaults([root.source.fault(0, 0, "", message, hint)])
    if not isinstance(root.value, dict):
        raise ScenarioFaults([root.fault("", "keys are needed at the top of a scenario", "such as version: 1")])
    root, more = apply(root, overrides)
    return _read(root, [*faults, *more], path)


def _swept_contradictions(scenario: Scenario, root: Node) -> Iterator[Fault]:
    """What the second and later values of a sweep say against the rest of the file."""
    for path, values in scenario.sweeps.items():
        for at, value in enumerate(values[1:], start=1):
            try:
                with_values(scenario, {path: value})
            except ScenarioFaults as wrong:
                node = root.at((*split(path), str(at)))
                yield from (node.fault(path, fault.message, fault.hint) for fault in wrong.faults[:1])


def _read(root: Node, faults: Sequence[Fault], path: Path | None) -> Scenario:
    reader = Reader(base=path.parent if path else Path(), faults=list(faults))
    scenario = reader.section(Scenario, root)
    if scenario is not None:
        scenario = copied(scenario, {"path": path, "ranges": reader.ranges, "sweeps": reader.sweeps})
        reader.faults += tier_contradictions(scenario, root)
        if not reader.faults:
            reader.faults += _swept_contradictions(scenario, root)
    if scenario is None or reader.faults:
        raise ScenarioFaults(ordered(reader.faults))
    return scenario
