"""What is served on what: the parts of a scenario that the engine needs, looked up and resolved once."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

from capplan.catalog.accelerators import Accelerator, accelerator
from capplan.catalog.engines import Profile, profile
from capplan.catalog.models import Model, model
from capplan.engine.architecture import parameters
from capplan.engine.excuse import Assumption
from capplan.engine.layout import Layout
from capplan.engine.memory import memory
from capplan.engine.precision import Precision, precision
from capplan.engine.rates import Rates, rates
from capplan.engine.serving import Replica
from capplan.engine.speculation import Speculation, usual
from capplan.engine.work import work
from capplan.errors import UserError
from capplan.records import dataclass
from capplan.scenario.said import Said, beside
from capplan.scenario.schema import Scenario

_HEADS = frozenset({"mtp", "eagle", "eagle3", "medusa", "ngram"})


@dataclass(frozen=True)
class Deployment:
    """Model, accelerator, engine and precision of one scenario; layouts and load are still open."""

    model: Model
    accelerator: Accelerator
    engine: Profile
    precision: Precision
    rates: Rates
    draft: Any = None
    assumptions: tuple[Assumption, ...] = ()

    @property
    def device_bytes(self) -> float:
        """Memory of one device as its driver reports it, where known."""
        return self.accelerator.reported_memory_bytes or self.accelerator.memory_bytes

    def replica(self, layout: Layout) -> Replica:
        """A replica in this layout, or in each of an array of them."""
        arch = self.model.architecture
        job, speculation = work(arch, layout, self.precision), self._speculation(layout)
        drafted = speculation.weight_bytes_per_gpu(job) if speculation else 0.0
        held = memory(arch, layout, self.precision, self.engine, self.device_bytes, drafted)
        return Replica(job, self.rates, self.engine, held, speculation)

    def _speculation(self, layout: Layout) -> Speculation | None:
        if self.draft is None:
            return None
        if self.draft.draft in _HEADS:
            return replace(usual(self.draft.draft, self.draft.tokens), acceptance=self.draft.acceptance)
        small = model(self.draft.draft).architecture
        return Speculation(self.draft.tokens, self.draft.acceptance, work(small, layout, self.precision))


def keys() -> Callable[[Scenario], Hashable]:
    """Scenarios of equal key share a deployment and the columns of their rows, and are planned as one array.

    They may differ in load, in money, and in the figures of `load.Load` and `wanted.Limits`.
    """
    said, serving = Said(), beside(("concurrency", "prefix_cache_hit_rate"))
    targets = Said(lambda kept: (*kept.limits_s(), kept.power_w is None))

    def key(scenario: Scenario) -> Hashable:
        evicted = scenario.cost.spot.eviction_every_s is not None
        on_what = said(scenario.model), said(scenario.gpu), said(scenario.path), serving(scenario.serving)
        return *on_what, said(scenario.workload.day), targets(scenario.targets), evicted

    return key


def deployment(scenario: Scenario) -> Deployment:
    """Looks up the scenario's model, accelerator and engine.

    Raises UnknownName with suggestions, UserError for a model whose shape cannot be planned.
    """
    serving = scenario.serving
    found = model(scenario.model, base=scenario.path.parent if scenario.path else None)
    if found.architecture.unmodelled:
        raise UserError(f"model {found.name}: {found.architecture.unmodelled}")
    chip = accelerator(scenario.gpu)
    base = profile(serving.engine, chip.vendor, base=scenario.path.parent if scenario.path else None)
    engine = replace(
        base,
        memory_utilization=serving.memory_utilization or base.memory_utilization,
        max_batched_tokens=serving.max_batched_tokens or base.max_batched_tokens,
        max_sequences=serving.max_sequences or base.max_sequences,
    )
    chip_rates = rates(chip, engine.collectives)
    arithmetic = frozenset(chip_rates.peak_flop_per_s)
    stored = precision(found.architecture, serving.weights, serving.kv_cache, chip_rates.operators, arithmetic)
    return Deployment(
        model=found,
        accelerator=chip,
        engine=engine,
        precision=stored,
        rates=chip_rates,
        draft=serving.speculative_decoding,
        assumptions=tuple(_assumptions(scenario, found, chip, base, chip_rates)),
    )


def _assumptions(
    scenario: Scenario, found: Model, chip: Accelerator, engine: Profile, chip_rates: Rates
) -> list[Assumption]:
    serving, said = scenario.serving, []
    for name in ("memory_utilization", "max_batched_tokens", "max_sequences"):
        if getattr(serving, name) is None:
            said.append(Assumption(f"serving.{name}", getattr(engine, name), f"default of {engine.name}", "catalogue"))
    if not serving.given("weights") or not serving.given("kv_cache"):
        said.append(Assumption("serving.weights, kv_cache", f"{serving.weights}, {serving.kv_cache}", "default"))
    if not chip_rates.operators.measured:
        source = f"no kernel data: datasheet peaks with the efficiencies of {chip_rates.operators.name}"
        said.append(Assumption("gpu operators", chip_rates.operators.name, source, "estimate"))
    if not engine.exact:
        source = f"{engine.name} has no profile fitted on {chip.vendor} chips; the one for NVIDIA stands in"
        said.append(Assumption("serving.engine", engine.era, source, "estimate"))
    if parameters(found.architecture).active_override is None and found.architecture.total_parameters_override:
        said.append(Assumption("model", found.name, "shape not public: taken as dense matrices", "estimate"))
    return said
