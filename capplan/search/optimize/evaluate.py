"""Every layout, concurrency and price of one deployment in one pass over arrays."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from capplan.cost.energy import J_PER_KWH, YEAR_S, power_w
from capplan.cost.varied import varied_bill
from capplan.engine.curve import curve
from capplan.engine.layout import Layout
from capplan.engine.serving import Replica, Steady, most_sequences, steady
from capplan.engine.usage import bandwidth_utilization, compute_utilization
from capplan.errors import CapplanError
from capplan.fleet.replicas import nodes_needed, replicas_needed
from capplan.plan.deployment import Deployment, deployment
from capplan.plan.judging import Judge
from capplan.plan.load import Load, load
from capplan.plan.plan import judges
from capplan.reasoning.scene import accuracy_of
from capplan.scenario.schema import Scenario
from capplan.search.optimize.paces import Lines, figures, state_at
from capplan.search.optimize.space import Choice, cost_under, layouts, open_ended, section, sequences, ways

# Estimates are interpolated; a target may be missed by this much before a candidate is given up.
SLACK = 0.008
_MOST_REPLICAS = 1 << 20
NOT_FIT, TOO_MANY, TOO_LONG = "memory", "kv_cache", "context"


@dataclass(frozen=True)
class Evaluated:
    """The candidates of one deployment: pricings x layouts x concurrencies, arrays of shape (P, L, C) or (L, C).

    sequences: asked for in each cell. usd: a year's cost, NaN where there is no price; kg: emissions; tta_p99_s.
    ratios: by constraint, the figure over its limit (the limit over it for accuracy), (P, L, C) or (L, C).
    refused: by cell, the constraint that the engine itself sets and the cell breaks, "" where none.
    unpriced: by pricing, why there is no price, "" where there is one.
    """

    choice: Choice
    ways: tuple[str, ...]
    layout: Layout
    sequences: Any
    replicas: Any
    gpus: Any
    usd: Any
    kg: Any
    tta_p99_s: Any
    accuracy: float | None
    ratios: dict[str, Any]
    refused: Any
    unpriced: tuple[str, ...]

    @property
    def count(self) -> int:
        """Candidates, those that cannot be included."""
        return int(np.size(self.usd))

    @property
    def possible(self) -> Any:
        """Candidates that the engine runs and that have a price, whatever they miss; shape (P, L, C)."""
        return ~np.isnan(self.usd) & (self.refused == "")

    @property
    def feasible(self) -> Any:
        """Candidates that keep every target within the slack; shape (P, L, C)."""
        kept = self.possible
        for ratio in self.ratios.values():
            kept = kept & (ratio <= 1.0 + SLACK)
        return kept

    def objective(self, wanted: str) -> Any:
        """What is made small, for every candidate."""
        if wanted == "carbon":
            return np.broadcast_to(self.kg, self.usd.shape)
        if wanted == "cost_per_correct_answer":
            return self.usd / self.accuracy if self.accuracy else np.full(self.usd.shape, np.nan)
        return self.usd


def evaluate(choice: Choice) -> Evaluated | str:
    """All candidates of a choice; the reason in words where the catalogue or the engine cannot serve it at all."""
    scenario = choice.scenario
    try:
        served = deployment(scenario)
        tried = layouts(scenario, served)
        judge = judges([scenario])[0]
        asked = load([scenario], [0.0 if judge is None else judge.wait_s])
    except CapplanError as wrong:
        return str(wrong)
    return _Pass(choice, served, asked, tried, judge).made(*_cells(scenario, served, tried, asked))


def _cells(scenario: Scenario, served: Deployment, tried: Layout, asked: Load) -> tuple[Any, Any]:
    """(sequences that fit, by layout; sequences to try, by layout and place)."""
    fits = np.broadcast_to(most_sequences(served.replica(tried), asked.requests), np.shape(tried.tensor))
    listed = np.broadcast_to(np.array(sequences(scenario), np.float64), (len(fits), len(sequences(scenario))))
    if not open_ended(scenario):
        return fits, listed
    # As many as fit, where that is not listed already: such a place is 0 and no candidate.
    limit = scenario.serving.max_sequences
    most = np.floor(np.minimum(fits, limit) if limit else fits)
    own = np.where((listed == most[:, None]).any(axis=1), 0.0, most)
    return fits, np.concatenate([listed, own[:, None]], axis=1)


@dataclass(frozen=True)
class _Pass:
    """What is the same for all cells."""

    choice: Choice
    served: Deployment
    asked: Load
    tried: Layout
    judge: Judge | None

    def made(self, fits: Any, tried_sequences: Any) -> Evaluated:
        scenario = self.choice.scenario
        wanted = section(scenario)
        over = Layout(*(np.asarray(d)[:, None] for d in _degrees(self.tried)))
        replica = self.served.replica(over)
        offered = float((self.asked.peak_per_s * self.asked.requests_per_query)[0])
        curves = curve(replica, self.asked.requests, np.maximum(fits, 1.0)[:, None])
        targets = scenario.targets.limits_s()
        names = tuple(dict.fromkeys([*(name.removesuffix("_s") for name in targets), "tta_p99"]))
        rates, drawn = figures(curves, self.asked, offered, names)
        lines = {name: Lines.of(rates, drawn[name]) for name in names}
        most_per_s = np.full(len(fits), np.inf)
        for name, limit in targets.items():
            most_per_s = np.minimum(most_per_s, lines[name.removesuffix("_s")].largest_rate(limit * (1 + SLACK)))
        capped = np.clip(tried_sequences, 1.0, np.maximum(np.floor(fits), 1.0)[:, None])
        top = self._top(replica, capped)
        spares = scenario.serving.spare_replicas
        needed = replicas_needed(offered, top, scenario.workload.target_utilization, 0)
        grown = np.ceil(offered / np.maximum(most_per_s, offered / _MOST_REPLICAS) * (1 - 1e-3))
        serving = np.where(most_per_s[:, None] > 0, np.maximum(needed, grown[:, None]), needed).astype(np.int64)
        replicas = serving + spares
        node = scenario.serving.node_gpus or self.served.accelerator.node_gpus
        size = np.asarray(over.gpus).astype(np.int64)
        nodes = nodes_needed(replicas, np.broadcast_to(size, replicas.shape), node)
        boards = nodes * node
        mean_per_s = float((self.asked.queries_per_s * self.asked.requests_per_query)[0])
        power, lost_s = self._power(replica, curves, mean_per_s / replicas, replicas, boards)
        usd, kwh, kg, unpriced = self._bills(boards, nodes, power, lost_s)
        if self.judge is not None:
            added, share = self.judge.added(boards, boards - size * replicas)
            boards = boards + added
            usd, kwh, kg = (
                mine + share * judging for mine, judging in zip((usd, kwh, kg), self._judging(), strict=True)
            )
        usd = usd + float(np.asarray(self.asked.asked.usd_per_query)[0]) * float(self.asked.queries_per_s[0]) * YEAR_S
        at_peak = offered / serving
        ratios = {name: lines[name.removesuffix("_s")].at(at_peak) / limit for name, limit in targets.items()}
        right = accuracy_of(scenario)
        accuracy = None if right is None else float(np.asarray(right.value))
        ratios |= self._limits(usd, kwh, boards, accuracy)
        stock = wanted.stock_of(self.served.accelerator.name)
        for name, most in (("stock", stock), ("max_gpus", wanted.max_gpus)):
            if most is not None:
                ratios[name] = boards / max(most, 1e-9)
        return Evaluated(
            self.choice, ways(scenario), self.tried, tried_sequences, replicas, boards, usd, kg,
            lines["tta_p99"].at(at_peak), accuracy, ratios, self._refused(fits, tried_sequences), unpriced,
        )  # fmt: skip

    def _top(self, replica: Replica, capped: Any) -> Any:
        """Requests a second that one replica serves with so many in flight, solved, not interpolated."""
        state = steady(replica, capped, self.asked.requests)
        return np.broadcast_to(state.requests_per_s, capped.shape)

    def _power(self, replica: Replica, curves: Any, per_replica: Any, replicas: Any, boards: Any) -> tuple[Any, Any]:
        """Mean watts of a board, and seconds of work that an eviction loses."""
        read = state_at(curves, per_replica, ("decoding", "itl_s", "own_prefill_s", "requests_per_s"))
        state = Steady(**{name: read.get(name, 0.0) for name in Steady.__dataclass_fields__})
        busy = np.clip(state.decoding, 1e-9, 1.0)
        used = np.asarray(replica.work.layout.gpus) * replicas / np.maximum(boards, 1)
        compute = compute_utilization(replica, self.asked.requests, state) / busy
        bandwidth = bandwidth_utilization(replica, self.asked.requests, state)
        written = np.maximum(self.asked.requests.context_tokens - self.asked.requests.prompt_tokens, 0.0)
        watts = power_w(self.served.accelerator, compute, bandwidth, np.minimum(busy * used, 1.0))
        return watts, written * state.itl_s + state.own_prefill_s

    def _bills(self, boards: Any, nodes: Any, power: Any, lost_s: Any) -> tuple[Any, Any, Any, tuple[str, ...]]:
        scenario, chip = self.choice.scenario, self.served.accelerator
        tried = ways(scenario)
        usd = np.full((len(tried), *boards.shape), np.nan)
        kwh, kg, why = np.full(boards.shape, np.nan), np.full(boards.shape, np.nan), []
        gpus_paid, whole, watts, lost = (
            np.ravel(np.broadcast_to(part, boards.shape)) for part in (boards, nodes, power, lost_s)
        )
        for place, way in enumerate(tried):
            try:
                cost = cost_under(scenario.cost, way, self.choice.own_gpu)
                paid = varied_bill(cost, chip, gpus_paid, whole, watts, lost)
            except CapplanError as wrong:
                why.append(str(wrong))
                continue
            why.append("")
            usd[place] = (paid.lines.total_cents / 100).reshape(boards.shape)
            kwh, kg = paid.kwh.reshape(boards.shape), paid.kg_co2e.reshape(boards.shape)
        return usd, kwh, kg, tuple(why)

    def _judging(self) -> tuple[Any, float, float]:
        """A year of the verifier's whole pool: USD by way of paying, shape (P, 1, 1), kWh and kg CO2e."""
        scenario, tried = self.choice.scenario, ways(self.choice.scenario)
        usd = np.full((len(tried), 1, 1), np.nan)
        row: Mapping[str, Any] = {}
        for place, way in enumerate(tried):
            with contextlib.suppress(CapplanError):  # without a price it is no candidate, as `_bills` says
                paying = scenario.having({"cost": cost_under(scenario.cost, way, self.choice.own_gpu)})
                judge = judges([paying])[0]
                row = judge.pool.row if judge else {}
                usd[place] = float(row["annual_tco_usd"])
        return usd, float(row.get("annual_kwh", np.nan)), float(row.get("annual_kg_co2e", np.nan))

    def _limits(self, usd: Any, kwh: Any, boards: Any, accuracy: float | None) -> dict[str, Any]:
        """Ratios of the targets that are no latencies."""
        targets, found = self.choice.scenario.targets, {}
        if targets.annual_tco_usd is not None:
            found["annual_tco_usd"] = usd / targets.annual_tco_usd
        if targets.power_w is not None:
            found["power_w"] = kwh * J_PER_KWH / YEAR_S / targets.power_w
        if targets.accuracy is not None and accuracy is not None:
            # A right that falls short by any amount does so however the engine is interpolated.
            short = targets.accuracy / max(accuracy, 1e-9)
            found["accuracy"] = np.full(boards.shape, short if short <= 1 else short * (1 + SLACK))
        return found

    def _refused(self, fits: Any, tried_sequences: Any) -> Any:
        request = self.asked.requests
        limit = self.served.model.architecture.max_context
        too_long = limit and float(request.prompt_tokens[0] + request.output_tokens[0]) > limit
        why = np.where(tried_sequences > fits[:, None], TOO_MANY, "").astype("<U8")
        why = np.where(fits[:, None] < 1, NOT_FIT, why)
        why = np.where(tried_sequences < 1, "no", why)
        return np.where((why == "") & bool(too_long), TOO_LONG, why)


def _degrees(layout: Layout) -> tuple[Any, Any, Any, Any]:
    return layout.tensor, layout.pipeline, layout.expert, layout.attention_data
