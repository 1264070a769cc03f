"""Every layout, concurrency and price of one deployment in one pass over arrays."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from capplan.cost.bill import bill
from capplan.cost.energy import YEAR_S, fleet_power_w
from capplan.cost.place import place
from capplan.engine.curve import curve
from capplan.engine.layout import Layout
from capplan.engine.serving import Replica, Steady, most_sequences, steady
from capplan.errors import CapplanError
from capplan.fleet.elastic import standing
from capplan.fleet.replicas import nodes_needed, replicas_needed
from capplan.plan.deployment import Deployment, deployment
from capplan.plan.judging import Judge
from capplan.plan.latency import Reading
from capplan.plan.load import Load, load
from capplan.plan.money import readers_w, replica_w
from capplan.plan.plan import judges
from capplan.plan.readers import Readers, in_ratio, readers
from capplan.plan.upkeep import upkeep
from capplan.reasoning.scene import accuracy_of
from capplan.scenario.optimize import PER_CORRECT_ANSWER
from capplan.scenario.schema import Scenario
from capplan.search.optimize.evaluated import SLACK, Evaluated
from capplan.search.optimize.limits import gpus_at_most
from capplan.search.optimize.paces import Lines, figures, state_at
from capplan.search.optimize.space import Choice, cost_under, layouts, open_ended, paying, section, sequences, ways

# Fleets are sized to miss a target by a little less than is let pass, so that no rounding on the way back to the figure
# gives up those that stand at their limit.
_SIZED_TO = 1 + SLACK * 2 / 3
_MOST_REPLICAS = 1 << 20
NOT_FIT, TOO_MANY, TOO_LONG, UNKNOWN = "memory", "kv_cache", "context", "unknown"


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
        over = self.tried.each(lambda degree: np.asarray(degree)[:, None])
        replica, targets = self.served.replica(over), scenario.targets.limits_s()
        offered = float((self.asked.peak_per_s * self.asked.requests_per_query)[0])
        pool = readers(self.served, over.prefill, self.asked) if over.prefill else None
        states = pool.writing() if pool else steady
        curves = curve(replica, self.asked.requests, np.maximum(fits, 1.0)[:, None], states).from_idle()
        if pool is not None:
            fullest = curves.take((..., slice(-1, None))).states
            pool = pool.sized(self.asked, scenario.workload.target_utilization, 1.0, targets, fullest)
            fits = np.where(pool.does.fits[:, 0] >= 1, fits, 0.0)
        names = tuple(dict.fromkeys([*(name.removesuffix("_s") for name in targets), "tta_p99"]))
        rates, drawn = figures(curves, self.asked, offered, names, self._reading(pool, offered) if pool else None)
        lines = {name: Lines.of(rates, drawn[name]) for name in names}
        most_per_s = np.full(len(fits), np.inf)
        for name, limit in targets.items():
            most_per_s = np.minimum(most_per_s, lines[name.removesuffix("_s")].largest_rate(limit * _SIZED_TO))
        capped = np.clip(tried_sequences, 1.0, np.maximum(np.floor(fits), 1.0)[:, None])
        # Solved, not interpolated: requests a second that one replica serves with so many in flight.
        top = np.broadcast_to(states(replica, capped, self.asked.requests).requests_per_s, capped.shape)
        kept = upkeep([paying(self.choice)])
        filled = scenario.workload.target_utilization * top
        redone = np.broadcast_to(kept.redone(self.asked, partial(_state, curves), filled), top.shape)
        size = _whole(over.gpus, top)
        node = scenario.serving.node_gpus or self.served.accelerator.node_gpus

        def enough(share: float) -> Any:
            """Replicas for a share of the peak."""
            wanted = offered * redone * share
            needed = replicas_needed(wanted, top, scenario.workload.target_utilization)
            most = most_per_s[:, None]
            grown = np.ceil(wanted / np.maximum(most, wanted / _MOST_REPLICAS) * (1 - 1e-3))
            count = np.where(most > 0, np.maximum(needed, grown), needed).astype(np.int64)
            return in_ratio(scenario.serving, pool.serving * redone, count)[1] if pool else count

        serving = enough(1.0)
        replicas = serving + kept.spares(serving, size)
        nodes = nodes_needed(replicas, size, node)
        boards, mean_replicas, stand, in_use = nodes * node, replicas, None, size * replicas
        if scaled := scenario.serving.autoscaling:
            by_part = np.stack([np.maximum(enough(share), scaled.least_replicas) for share in kept.day], axis=-1)
            by_part = by_part + kept.spares(by_part, size[..., None])
            mean_replicas = by_part.mean(axis=-1)
            stand = standing(nodes_needed(by_part, size[..., None], node), scaled.start_up_s)
        mean_per_s = float((self.asked.queries_per_s * self.asked.requests_per_query)[0]) * redone
        power = self._power(replica, curves, mean_per_s / mean_replicas, mean_replicas, boards, pool)
        at_peak = offered * redone / serving
        peak_power = self._power(replica, curves, at_peak, serving, boards, pool)
        if pool is not None:
            # As in a plan: what grows for the targets' sake grows in both pools.
            least = replicas_needed(offered * redone, top, scenario.workload.target_utilization)
            ratio = scenario.serving.prefill_ratio
            beside = serving // ratio[1] * ratio[0] if ratio else pool.serving * redone * (serving / least)
            reading_now = np.ceil(beside).astype(np.int64)
            each = _whole(pool.layout.gpus, top)
            read_by = reading_now + kept.spares(reading_now, each)
            more = nodes_needed(read_by, each, node)
            theirs = more * node

            def of_both(writing_w: Any, per_s: Any, count: Any) -> Any:
                used = count * each / theirs
                reading_w = readers_w(self.served, pool, self.asked.requests, per_s / count, used)
                return (writing_w * boards + reading_w * theirs) / (boards + theirs)

            power = of_both(power, mean_per_s, read_by)
            peak_power = of_both(peak_power, offered * redone, reading_now)
            replicas, nodes, boards = replicas + read_by, nodes + more, boards + theirs
            in_use = in_use + each * read_by
        usd, kg, unpriced = self._bills(boards, nodes, power, stand)
        peak_w = fleet_power_w(peak_power, boards) * place(scenario.cost).pue
        if self.judge is not None:
            added, share = self.judge.added(boards, boards - in_use)
            boards = boards + added
            (judge_usd, judge_kg), judge_w = self._judging(), self.judge.pool.peak_w
            usd, kg, peak_w = usd + share * judge_usd, kg + share * judge_kg, peak_w + share * judge_w
        usd = usd + float(np.asarray(self.asked.asked.usd_per_query)[0]) * float(self.asked.queries_per_s[0]) * YEAR_S
        ratios = {name: lines[name.removesuffix("_s")].at(at_peak) / limit for name, limit in targets.items()}
        right = accuracy_of(scenario)
        accuracy = None if right is None else float(np.asarray(right.value))
        ratios |= self._limits(usd, peak_w, accuracy)
        limits = gpus_at_most(wanted, self.served.accelerator.name)
        ratios |= {name: boards / max(most, 1e-9) for name, most in limits.items()}
        return Evaluated(
            self.choice, ways(scenario), self.tried, tried_sequences, replicas, boards, usd, kg,
            lines["tta_p99"].at(at_peak), accuracy, ratios, self._refused(fits, tried_sequences, accuracy), unpriced,
        )  # fmt: skip

    def _reading(self, pool: Readers, offered: float) -> Callable[[Any], Reading]:
        """What is waited for beside so many decode replicas."""

        def beside(writing: Any) -> Reading:
            return pool.reading(offered, in_ratio(self.choice.scenario.serving, pool.serving, writing)[0])

        return beside

    def _power(
        self, replica: Replica, curves: Any, per_replica: Any, replicas: Any, boards: Any, pool: Readers | None
    ) -> Any:
        """Mean watts of a board of the replicas that write answers."""
        used = np.minimum(np.asarray(replica.work.layout.gpus) * replicas / np.maximum(boards, 1), 1.0)
        asked = replace(self.asked.requests, prefill_tokens=0.0) if pool else self.asked.requests
        return replica_w(self.served, replica, asked, _state(curves, per_replica), used)

    def _bills(self, boards: Any, nodes: Any, power: Any, stand: Any) -> tuple[Any, Any, tuple[str, ...]]:
        scenario, chip = self.choice.scenario, self.served.accelerator
        tried = ways(scenario)
        usd = np.full((len(tried), *boards.shape), np.nan)
        kg, why = np.full(usd.shape, np.nan), []
        gpus_paid, whole, watts = (np.ravel(np.broadcast_to(part, boards.shape)) for part in (boards, nodes, power))
        by_part = None if stand is None else stand.reshape(boards.size, -1)
        for at, way in enumerate(tried):
            try:
                cost = cost_under(scenario.cost, way, self.choice.own_gpu)
                paid = bill(cost, gpus_paid, whole, chip, watts, by_part)
            except CapplanError as wrong:
                why.append(str(wrong))
                continue
            why.append("")
            usd[at] = (paid.lines.total_cents / 100).reshape(boards.shape)
            kg[at] = paid.kg_co2e.reshape(boards.shape)
        return usd, kg, tuple(why)

    def _judging(self) -> tuple[Any, Any]:
        """A year of the verifier's whole pool, USD and kg CO2e by way of paying; each of shape (P, 1, 1)."""
        scenario, tried = self.choice.scenario, ways(self.choice.scenario)
        usd, kg = np.full((2, len(tried), 1, 1), np.nan)
        for at, way in enumerate(tried):
            with contextlib.suppress(CapplanError):  # without a price it is no candidate, as `_bills` says
                judge = judges([scenario.having({"cost": cost_under(scenario.cost, way, self.choice.own_gpu)})])[0]
                if judge is not None:
                    usd[at] = float(judge.pool.row["annual_tco_usd"])
                    kg[at] = float(judge.pool.row["annual_kg_co2e"])
        return usd, kg

    def _limits(self, usd: Any, peak_w: Any, accuracy: float | None) -> dict[str, Any]:
        """Ratios of the targets that are no latencies."""
        targets, found = self.choice.scenario.targets, {}
        if targets.annual_tco_usd is not None:
            found["annual_tco_usd"] = usd / targets.annual_tco_usd
        if targets.power_w is not None:
            found["power_w"] = peak_w / targets.power_w
        if targets.accuracy is not None and accuracy is not None:
            # A right that falls short by any amount does so however the engine is interpolated.
            short = targets.accuracy / max(accuracy, 1e-9)
            found["accuracy"] = np.full(peak_w.shape, short if short <= 1 else short * (1 + SLACK))
        return found

    def _refused(self, fits: Any, tried_sequences: Any, accuracy: float | None) -> Any:
        unknown = not accuracy and section(self.choice.scenario).objective == PER_CORRECT_ANSWER
        request = self.asked.requests
        limit = self.served.model.architecture.max_context
        too_long = limit and float(request.prompt_tokens[0] + request.output_tokens[0]) > limit
        why = np.where(tried_sequences > fits[:, None], TOO_MANY, "").astype("<U8")
        why = np.where(fits[:, None] < 1, NOT_FIT, why)
        why = np.where(tried_sequences < 1, "no", why)
        why = np.where((why == "") & bool(too_long), TOO_LONG, why)
        return np.where((why == "") & unknown, UNKNOWN, why)


def _state(curves: Any, rates_per_s: Any) -> Steady:
    """What power and lost work are read off, of states at rates of shape (layouts, any)."""
    read = state_at(curves, rates_per_s, ("decoding", "itl_s", "own_prefill_s", "requests_per_s"))
    return Steady(**{name: read.get(name, 0.0) for name in Steady.__dataclass_fields__})


def _whole(values: Any, like: Any) -> Any:
    return np.broadcast_to(np.asarray(values).astype(np.int64), np.shape(like))
