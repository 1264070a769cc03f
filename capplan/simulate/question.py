"""How to simulate: everything that a user may ask of a run beside the scenario."""

from dataclasses import dataclass
from math import inf
from pathlib import Path

from capplan.simulate.policy import Preemption, Routing
from capplan.simulate.traces.reader import MOST_REQUESTS
from capplan.simulate.traffic.arrivals import Gaps


@dataclass(frozen=True)
class Stopping:
    """Streaming verification. share: of the queries that think, those that know their answer before they have thought
    to the end, after `at` of it. A check comes every `check_tokens` and reads `prompt_tokens`."""

    share: float
    at: float = 0.5
    check_tokens: int = 512
    prompt_tokens: int = 64


@dataclass(frozen=True)
class Question:
    """How to simulate. trace: a file or a ServeGen folder, None for synthetic traffic by the scenario.

    requests: queries of synthetic traffic. rate_factor: so many times the arrivals a second. peak: at the rate of the
    busiest hour; day: over whole days, as `workload.day` has their hours. cascade: queries go through the tiers of the
    scenario's routing one after another. replicas, prefill_replicas, routing: None for the plan's; the second are those
    of the first that only read prompts. prediction_error: sigma of the log of
    predicted over true length. first_classes: those that go before all others, the first of them first;
    preempt_lower: they take running requests' places too. kv_kept: share of the KV entries kept.
    """

    trace: Path | None = None
    requests: int | None = None
    seed: int = 0
    peak: bool = True
    rate_factor: float = 1.0
    day: bool = False
    start_s: float = 0.0
    end_s: float = inf
    cascade: bool = False
    replicas: int | None = None
    prefill_replicas: int | None = None
    routing: Routing | None = None
    prediction_error: float = 0.0
    gaps: Gaps = Gaps.GAMMA
    preemption: Preemption = Preemption.RECOMPUTE
    first_classes: tuple[str, ...] = ()
    preempt_lower: bool = False
    checkpoint_tokens: int | None = None
    kv_kept: float = 1.0
    stopping: Stopping | None = None
    warm_up: float = 0.2
    exact: bool = False
    drop_long: bool = False
    most_requests: int = MOST_REQUESTS
