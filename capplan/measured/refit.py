"""All shipped profiles refitted to one table, block by block.

A point is predicted by one block of residual costs (engine, vendor, era), so blocks are fitted one by one. What a block
is fitted to:
- primary values, and TTFT below saturation with a smaller weight;
- not loads whose rate is given, for their throughput says nothing; nor drafted or disaggregated deployments, whose
  further parts would be charged to the engine; nor chips of a vendor for which the engine has no block;
- each source x load type alike, small ones by their rows; a minor row that does not tell its lengths counts
  a quarter;
- at most `MOST_ROWS` rows of each, chosen by a hash of their ids.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from capplan.catalog.engines import Overheads, Profile, with_overheads
from capplan.engine.point import Point
from capplan.engine.predict import shipped_profile
from capplan.measured.calibrate import LEAST_ROWS, Fit, fit
from capplan.measured.engine_fit import Measurements, measurements, predictor
from capplan.measured.names import resolve_accelerator
from capplan.measured.observed import TTFT
from capplan.measured.pairs import labels_of
from capplan.measured.points import Refusal
from capplan.measured.priors import at as at_priors
from capplan.measured.priors import priors
from capplan.measured.problem import Parameter
from capplan.measured.saturation import below_saturation
from capplan.measured.table import Row

MOST_ROWS = 260  # of one source and load type in one block
ENOUGH_ROWS = 30  # from here on a source and load type counts in full
FIRST_TOKEN_SHARE = 0.12  # weight of TTFT beside what lasts for the whole run
GUESSED_SHARE = 0.25
# A prior weighs as much as this part of the rows: rows of one series share their errors and are no independent
# evidence.
PRIOR_PART = 0.0225
ROUNDS = 12
_RATE_GIVEN = frozenset({"request_rate", "mlperf_server_poisson", "mlperf_interactive_poisson"})

# What a block is known by: engine, vendor of the fitted chips, era.
Block = tuple[str, str, str]


@dataclass(frozen=True)
class Ours:
    """The rows that one block is fitted to: measured values, and the row of the table that each comes from."""

    measured: Measurements
    profile: Profile
    parameters: tuple[Parameter, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Refit:
    """Fits by block; blocks with too few rows keep what ships and are missing here."""

    fits: dict[Block, Fit]

    @property
    def overheads(self) -> dict[Block, Overheads]:
        """All costs of each fitted block."""
        found = {}
        for block, one in self.fits.items():
            found[block] = replace(Overheads(), **one.values)
        return found


def block_of(point: Point) -> tuple[Block, Profile]:
    """The shipped block that a point is predicted by."""
    chip = resolve_accelerator(point.accelerator)
    shipped = shipped_profile(point, chip)
    vendor = chip.vendor if shipped.exact else "NVIDIA"
    return (shipped.name, vendor, shipped.era), shipped


def refit(
    rows: Sequence[Row], points: Sequence[Point | Refusal], tell: Callable[[Block, Fit], None] | None = None
) -> Refit:
    """Every block that the table carries, fitted to its own rows, from its priors.

    tell: hears of each block once it is fitted.
    """
    fits = {}
    for block, ours in selected(rows, points).items():
        fits[block] = fit(
            ours.parameters, ours.measured.targets, predictor(ours.measured, ours.profile), rounds=ROUNDS, screen=False
        )
        if tell:
            tell(block, fits[block])
    return Refit(fits)


def selected(rows: Sequence[Row], points: Sequence[Point | Refusal]) -> dict[Block, Ours]:
    """What each block is fitted to; blocks that too few rows speak of are missing."""
    below = below_saturation(rows)
    members: dict[Block, dict[str, list[int]]] = {}
    profiles: dict[Block, Profile] = {}
    for place, (row, point) in enumerate(zip(rows, points, strict=True)):
        if isinstance(point, Point) and _speaks_of_costs(point):
            block, profile = block_of(point)
            if profile.exact:
                profiles[block] = profile
                members.setdefault(block, {}).setdefault(labels_of(row, point).kind, []).append(place)
    found = {}
    for block, kinds in sorted(members.items()):
        chosen = sorted(place for places in kinds.values() for place in _sample(rows, places))
        ours = _ours(rows, points, below, chosen, block, profiles[block])
        if len(ours.measured.targets) >= LEAST_ROWS:
            found[block] = ours
    return found


def _speaks_of_costs(point: Point) -> bool:
    return not point.draft_tokens and point.prefill is None and point.load_type not in _RATE_GIVEN


def _sample(rows: Sequence[Row], places: Sequence[int]) -> list[int]:
    """At most `MOST_ROWS` of the rows, the same ones whatever stands beside them in the table."""

    def rank(place: int) -> tuple[str, int]:
        return hashlib.sha256(rows[place].get("row_id", "").encode()).hexdigest(), place

    return sorted(places, key=rank)[:MOST_ROWS]


def _ours(
    rows: Sequence[Row],
    points: Sequence[Point | Refusal],
    below: Sequence[bool],
    chosen: Sequence[int],
    block: Block,
    profile: Profile,
) -> Ours:
    own = [rows[place] for place in chosen]
    measured = measurements(own, [points[place] for place in chosen], (TTFT,), [below[place] for place in chosen])
    guessed = [row.get("quality") == "B" and not row.get("isl") for row in own]
    targets = measured.targets
    groups = [
        f"{group}/guessed" if guessed[at] else group
        for group, at in zip(targets.groups, measured.of_point, strict=True)
    ]
    sizes = {group: groups.count(group) for group in set(groups)}
    shares = {group: _share(group, size) for group, size in sizes.items()}
    # Cross-validation leaves whole models out.
    models = tuple(measured.points[at].model for at in measured.of_point)
    weighted = replace(targets, groups=tuple(groups), shares=shares, series=models)
    narrow = 1.0 / math.sqrt(PRIOR_PART * max(len(groups), 1))
    parameters = tuple(replace(p, sigma=p.sigma * narrow) for p in priors(profile.name, profile.era))
    return Ours(
        replace(measured, targets=weighted),
        with_overheads(profile, at_priors(parameters)),
        parameters,
        tuple(chosen[at] for at in measured.of_point),
    )


def _share(group: str, size: int) -> float:
    guessed = GUESSED_SHARE if group.endswith("/guessed") else 1.0
    first = FIRST_TOKEN_SHARE if f"/{TTFT}" in group else 1.0
    return guessed * first * min(1.0, size / ENOUGH_ROWS)
