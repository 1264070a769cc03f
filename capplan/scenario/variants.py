"""The scenarios that a scenario with swept keys stands for."""

import itertools
from collections.abc import Iterator

from capplan.scenario.overrides import with_values
from capplan.scenario.schema import Scenario


def points(scenario: Scenario) -> Iterator[Scenario]:
    """Every combination of the swept values, the last axis running fastest; itself where nothing is swept."""
    paths = tuple(scenario.sweeps)
    for values in itertools.product(*scenario.sweeps.values()):
        yield with_values(scenario, dict(zip(paths, values, strict=True)))
