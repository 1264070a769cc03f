"""The space that is searched: which models, chips, engines and precisions, in which layouts, paid for how."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.catalog.accelerators import accelerator
from capplan.catalog.architecture import Architecture
from capplan.engine.layout import Layout
from capplan.errors import UserError
from capplan.plan.candidates import MOST_TENSOR, paired, prefill_layouts, tensor_degrees
from capplan.scenario.cost import Pricing
from capplan.scenario.optimize import Optimize, reserved_years
from capplan.scenario.serving import PrefillPool
from capplan.search.contenders import contenders

if TYPE_CHECKING:
    from capplan.plan.deployment import Deployment
    from capplan.scenario.cost import Cost
    from capplan.scenario.schema import Scenario

# Accelerators that clouds rent by the node, where nothing is said.
GPUS = ("a100-sxm-80gb", "h100-sxm", "h200-sxm", "b200-sxm", "b300-sxm", "mi300x", "mi325x", "l40s")
ENGINES = ("vllm", "sglang", "trtllm")
PRECISIONS = ("bf16", "fp8")
WAYS = ("own", "on_demand", "reserved_1_year")
STAGES = (1, 2, 4, 8)
GIVEN = "as given"
YEAR_S = 365 * 86400.0
# Half-octaves: between two of them neither replicas nor latencies move by more than the plan's own steps do.
LADDER = tuple(dict.fromkeys(round(2 ** (half / 2)) for half in range(27)))


@dataclass(frozen=True)
class Choice:
    """One deployment of the space: everything but layout, concurrency and price.

    scenario: with this model, chip, engine, precisions and strategy; layout and concurrency as the scenario has them.
    keys: what tells it apart, by report column. own_gpu: its chip is the one that the scenario's prices are of.
    """

    scenario: Scenario
    keys: Mapping[str, str]
    own_gpu: bool = True

    @property
    def name(self) -> str:
        return " ".join(dict.fromkeys(value for value in self.keys.values() if value))


def section(scenario: Scenario) -> Optimize:
    """The scenario's `optimize` section, its defaults where there is none."""
    return scenario.optimize or Optimize()


def choices(scenario: Scenario) -> list[Choice]:
    """Every deployment of the space, in the order of the lists."""
    wanted, serving = section(scenario), scenario.serving
    fixed = _base(scenario)
    axes: tuple[Sequence[Any], ...] = (
        [part for one in (contenders(fixed)[0] if wanted.strategies else [fixed]) for part in _by_evictions(one)],
        wanted.models or (scenario.model,),
        gpus(scenario),
        wanted.engines or _held(serving, "engine", ENGINES),
        wanted.weights or _held(serving, "weights", PRECISIONS),
        wanted.kv_cache or _held(serving, "kv_cache", PRECISIONS),
        (None, *wanted.speculative_decoding) if wanted.speculative_decoding else (serving.speculative_decoding,),
        _pools(scenario),
    )
    return [_choice(scenario, *picked) for picked in itertools.product(*axes)]


def _pools(scenario: Scenario) -> list[tuple[bool, tuple[int, int] | None]]:
    """Whether prefill and decode are apart, and in which ratio. Raises UserError for ratios of pools that never are."""
    wanted, serving = section(scenario), scenario.serving
    ratios = wanted.prefill_ratio or (serving.prefill_ratio,)
    ways = wanted.disaggregated or (serving.disaggregated,)
    if wanted.prefill_ratio and not any(ways):
        raise UserError("optimize.prefill_ratio: no candidate has prefill and decode apart; add disaggregated: true")
    return [(apart, ratio) for apart in ways for ratio in (ratios if apart else (None,))]


def gpus(scenario: Scenario) -> tuple[Any, ...]:
    """Accelerators of the space; the scenario's own comes first where none are listed."""
    wanted = section(scenario)
    if wanted.gpus:
        return wanted.gpus
    if isinstance(scenario.gpu, str):
        own = accelerator(scenario.gpu).name
        return (own, *(name for name in GPUS if name != own))
    return (scenario.gpu, *GPUS)


def ways(scenario: Scenario) -> tuple[str, ...]:
    """Ways of paying of the space; GIVEN keeps the scenario's own, shares and all."""
    if section(scenario).pricing:
        return section(scenario).pricing
    return (GIVEN,) if scenario.cost.given("pricing") else WAYS


def _by_evictions(scenario: Scenario) -> list[Scenario]:
    """The scenario for ways of paying that lose no GPUs, and for spot prices, whose evictions ask for more replicas."""
    tried = ways(scenario)
    if scenario.cost.spot.eviction_every_s is None or "spot" not in tried or len(tried) == 1:
        return [scenario]
    groups = tuple(way for way in tried if way != "spot"), ("spot",)
    return [scenario.having({"optimize": section(scenario).having({"pricing": group})}) for group in groups]


def paying(choice: Choice) -> Scenario:
    """The choice under its first way of paying: as to evictions, all of its ways are alike."""
    scenario = choice.scenario
    return scenario.having({"cost": cost_under(scenario.cost, ways(scenario)[0], choice.own_gpu)})


def cost_under(cost: Cost, way: str, own_gpu: bool) -> Cost:
    """The scenario's cost section under another way of paying, unchecked.

    own_gpu: False for a chip that is not the scenario's own, which its prices therefore do not describe.
    """
    changes: dict[str, Any] = {}
    if not own_gpu:
        changes |= {"gpu_hourly_usd_per_s": None, "purchase_price_usd": None, "node_price_usd": None}
    if way != GIVEN:
        years = reserved_years(way)
        reserved = way.startswith("reserved")
        changes["pricing"] = Pricing((("reserved" if reserved else way, 1.0),))
        changes["term_s"] = years * YEAR_S if years else cost.term_s if reserved else None
        changes |= {} if reserved else {"peak": None, "minimum_gpus": 0}
        changes |= {"provider": None} if way == "own" else {}
    return cost.having(changes) if changes else cost


def layouts(scenario: Scenario, served: Deployment) -> Layout:
    """Every layout that suits the model and the chip's scale-up domain; arrays of one length.

    Degrees that the scenario or `optimize` gives are tried whether they suit or not, as a plan would. Disaggregated,
    each is combined with every layout of the prefill pool.
    """
    arch, chip, wanted = served.model.architecture, served.accelerator, section(scenario)
    domain = min(chip.scale_up_gpus, MOST_TENSOR)
    serving = scenario.serving
    tensors = wanted.tensor_parallel or _whole(serving.tensor_parallel) or tensor_degrees(arch, domain)
    stages = wanted.pipeline_parallel or _whole(serving.pipeline_parallel) or [s for s in STAGES if s <= arch.layers]
    ranks = wanted.attention_data_parallel or _whole(serving.attention_data_parallel) or _ranks(arch, domain)
    experts = wanted.expert_parallel or _whole(serving.expert_parallel)
    made = [
        (tensor, stage, expert, rank)
        for tensor, stage, rank in itertools.product(tensors, stages, ranks)
        if tensor * rank <= domain or (wanted.tensor_parallel and wanted.attention_data_parallel)
        for expert in experts or _experts(arch, tensor * rank)
    ]
    columns = np.array(made or [(tensors[0], stages[0], 1, ranks[0])], np.float64).T
    own = Layout(tensor=columns[0], pipeline=columns[1], expert=columns[2], attention_data=columns[3])
    return paired(own, prefill_layouts(serving, served)) if serving.disaggregated else own


def sequences(scenario: Scenario) -> tuple[int, ...]:
    """Sequences in flight to try; further ones that fit are added by layout where none are listed."""
    wanted = section(scenario).concurrency or _whole(scenario.serving.concurrency)
    limit = scenario.serving.max_sequences
    return tuple(wanted) if wanted else tuple(c for c in LADDER if limit is None or c <= limit)


def open_ended(scenario: Scenario) -> bool:
    """Whether as many sequences as fit is a candidate, beside those listed."""
    return not section(scenario).concurrency and scenario.serving.concurrency == "auto"


def held(scenario: Scenario) -> Iterator[str]:
    """What the scenario gives and the search therefore keeps, in words."""
    wanted, serving = section(scenario), scenario.serving
    for name, listed in (("engine", wanted.engines), ("weights", wanted.weights), ("kv_cache", wanted.kv_cache)):
        if not listed and serving.given(name):
            yield f"{name} {getattr(serving, name)}"
    if serving.prefill_ratio and not wanted.prefill_ratio:
        yield f"{serving.prefill_ratio[0]} prefill to {serving.prefill_ratio[1]} decode replicas"
    given = [key for key in ("gpu_hourly", "purchase_price", "node_price") if _priced(scenario.cost, key)]
    if given:
        yield f"{' and '.join(f'cost.{key}' for key in given)} for {_own_name(scenario)} only"
    if ways(scenario) == (GIVEN,):
        yield f"pricing {scenario.cost.pricing.name}"


def left_out(scenario: Scenario) -> Iterator[str]:
    """Axes that nothing asks for and the search therefore leaves alone, by their keys."""
    wanted, serving = section(scenario), scenario.serving
    if not wanted.disaggregated and not serving.given("disaggregated"):
        yield "disaggregated"
    if not wanted.speculative_decoding and serving.speculative_decoding is None:
        yield "speculative_decoding"


def _priced(cost: Cost, key: str) -> bool:
    return any(getattr(cost, f"{key}{unit}", None) is not None for unit in ("_usd", "_usd_per_s"))


def _base(scenario: Scenario) -> Scenario:
    return scenario.having({"optimize": scenario.optimize, "sweeps": {}})


def _choice(
    asked: Scenario,
    base: Scenario,
    model: Any,
    gpu: Any,
    engine: str,
    weights: str,
    kv_cache: str,
    draft: Any,
    pools: tuple[bool, tuple[int, int] | None],
) -> Choice:
    changes: dict[str, Any] = {"engine": engine, "weights": weights, "kv_cache": kv_cache}
    if draft is not None or base.serving.speculative_decoding is not None:
        changes["speculative_decoding"] = draft
    apart, ratio = pools
    if apart != base.serving.disaggregated:
        changes |= {"disaggregated": apart, "prefill": None}
    if ratio != base.serving.prefill_ratio and apart:
        changes["prefill"] = (base.serving.prefill or PrefillPool()).having({"ratio": ratio})
    made = base.having({"model": model, "gpu": gpu, "serving": base.serving.having(changes)})
    strategy = made.reasoning.strategy if section(asked).strategies else ""
    drafted = f"{draft.draft} x {draft.tokens}" if draft is not None else ""
    named = f"disaggregated {ratio[0]}:{ratio[1]}" if ratio else "disaggregated" if apart else ""
    keys = {"model": _named(model), "gpu": _named(gpu), "engine": engine, "weights": weights, "kv_cache": kv_cache,
            "strategy": strategy, "speculative_decoding": drafted, "pools": named}  # fmt: skip
    return Choice(made, keys, gpu == asked.gpu or _named(gpu) == _own_name(asked))


def _own_name(scenario: Scenario) -> str:
    return accelerator(scenario.gpu).name


def _named(reference: Any) -> str:
    return str(reference.get("name", "custom")) if isinstance(reference, Mapping) else str(reference)


def _held(serving: Any, name: str, otherwise: Sequence[str]) -> Sequence[str]:
    return (getattr(serving, name),) if serving.given(name) else otherwise


def _whole(degree: object) -> list[int]:
    return [degree] if isinstance(degree, int) else []


def _ranks(arch: Architecture, domain: int) -> list[int]:
    """Attention data parallelism pays where tensor parallelism replicates the cache or splits experts only."""
    return [r for r in (1, 2, 4, 8) if r <= domain] if arch.moe else [1]


def _experts(arch: Architecture, gpus: int) -> list[int]:
    return sorted({1, gpus}) if arch.moe else [1]
