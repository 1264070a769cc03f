"""`optimize`: what `capplan optimize` may choose from, and what it makes small."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal

from capplan.scenario.kinds import Choice, Flag, Name, Proportion, Whole
from capplan.scenario.part import Contradiction, Part, key, required
from capplan.scenario.quantity import Quantity
from capplan.scenario.serving import SpeculativeDecoding
from capplan.scenario.several import Several

PER_CORRECT_ANSWER = "cost_per_correct_answer"
OBJECTIVES = ("cost", PER_CORRECT_ANSWER, "carbon")
PRICINGS = ("own", "on_demand", "spot", "reserved", "reserved_1_year", "reserved_3_year")

_HELD = "Left out: what the scenario gives, else all that there are."
_Degrees = Several(Whole(most=64))


class Stock(Part):
    """How many accelerators of one kind can be had."""

    gpu: Annotated[str, Name("accelerators", example="h100-sxm")] = required("Accelerator.")
    gpus: Annotated[int, Whole(least=0)] = required("At most so many of them, idle ones of whole nodes included.")


class Optimize(Part):
    """The space that is searched; what the scenario's targets ask is kept by every candidate."""

    objective: Annotated[Literal["cost", "cost_per_correct_answer", "carbon"], Choice(OBJECTIVES)] = key(
        "cost", "What is made small: the yearly cost, the cost of a right answer, or yearly emissions."
    )
    gpus: Annotated[tuple[str, ...], Several(Name("accelerators", example="h100-sxm"))] = key(
        (), "Accelerators to choose from. Left out: those that clouds rent by the node."
    )
    models: Annotated[tuple[str, ...], Several(Name("models", example="llama-3.3-70b"))] = key(
        (), "Models to choose from. Left out: the scenario's own."
    )
    engines: Annotated[tuple[str, ...], Several(Name("engines", files=True, example="vllm"))] = key(
        (), f"Engines to choose from. {_HELD}"
    )
    weights: Annotated[tuple[str, ...], Several(Choice(("bf16", "fp8", "fp4", "int8", "int4")))] = key(
        (), "Number formats of the weights. Left out: what the scenario gives, else bf16 and fp8."
    )
    kv_cache: Annotated[tuple[str, ...], Several(Choice(("bf16", "fp8", "fp4", "int8")))] = key(
        (), "Number formats of the KV cache. Left out: what the scenario gives, else bf16 and fp8."
    )
    tensor_parallel: Annotated[tuple[int, ...], _Degrees] = key((), f"Degrees of tensor parallelism. {_HELD}")
    pipeline_parallel: Annotated[tuple[int, ...], _Degrees] = key((), f"Numbers of pipeline stages. {_HELD}")
    expert_parallel: Annotated[tuple[int, ...], _Degrees] = key((), f"Degrees of expert parallelism. {_HELD}")
    attention_data_parallel: Annotated[tuple[int, ...], _Degrees] = key(
        (), f"Groups that hold attention whole. {_HELD}"
    )
    concurrency: Annotated[tuple[int, ...], Several(Whole(most=10**6))] = key(
        (), "Sequences in flight per replica. Left out: what the scenario gives, else from 1 up to what fits."
    )
    speculative_decoding: tuple[SpeculativeDecoding, ...] = key(
        (), "Drafts to try beside doing without. Left out: what the scenario gives, else none."
    )
    disaggregated: Annotated[tuple[bool, ...], Several(Flag())] = key(
        (), "Prefill and decode on separate pools (true), together (false), or both. Left out: what the scenario gives."
    )
    prefill_ratio: Annotated[tuple[tuple[int, int], ...], Several(Proportion())] = key(
        (), "Prefill replicas to decode replicas, such as [1:1, 1:3], of candidates with separate pools. "
        "Left out: what the scenario gives, else each pool is as large as its own load asks, which no ratio beats."
    )  # fmt: skip
    pricing: Annotated[tuple[str, ...], Several(Choice(PRICINGS))] = key(
        (), "Ways of paying to choose from. Left out: what the scenario gives, else own, on demand and reserved."
    )
    strategies: Annotated[bool, Flag()] = key(
        False, "Choose among the scenario's `strategies` too; needs targets.accuracy to mean anything."
    )
    stock: tuple[Stock, ...] = key((), "How many GPUs of a kind can be had. Left out: any number.")
    max_gpus: Annotated[int | None, Whole()] = key(None, "GPUs of the whole fleet at most. Left out: any number.")
    classes: Annotated[tuple[float, ...], Several(Quantity("ratio", above=0, most=1, example="50 %"))] = key(
        (0.5, 0.9, 1.0), "For `--mix`: quantiles of the lengths at which classes of requests are cut."
    )

    def stock_of(self, gpu: str) -> int | None:
        """GPUs of a kind that can be had, None without a limit."""
        return next((one.gpus for one in self.stock if one.gpu == gpu), None)

    def contradictions(self) -> Iterator[Contradiction]:
        if any(low >= high for low, high in pairwise(self.classes)) or self.classes[-1:] != (1.0,):
            yield Contradiction("classes", "must rise up to 100 %", "such as [50 %, 90 %, 100 %]")
        kinds = [one.gpu for one in self.stock]
        if len(set(kinds)) < len(kinds):
            yield Contradiction("stock", "names an accelerator twice", "give one number for each")


def reserved_years(pricing: str) -> int | None:
    """Years of a reservation whose term is part of its name."""
    return {"reserved_1_year": 1, "reserved_3_year": 3}.get(pricing)
