"""Why a candidate cannot be, and what every plan took for granted."""

from collections.abc import Mapping
from dataclasses import field

from capplan.records import dataclass


@dataclass(frozen=True)
class Excuse:
    """A rejected candidate explains itself.

    constraint: the one that binds, a short word such as `memory` or `itl_p95`.
    changes: scenario keys with the smallest values that would cure it; empty where nothing does.
    needed, available: both in `unit` (an SI unit name), for programs that read the report.
    """

    constraint: str
    message: str
    cure: str
    changes: Mapping[str, object] = field(default_factory=dict)
    needed: float | None = None
    available: float | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Assumption:
    """A value that the scenario left open, and who says so.

    kind: `default` (ours), `estimate` (computed or by analogy) or `catalogue` (a figure with a source).
    """

    key: str
    value: object
    source: str
    kind: str = "default"
