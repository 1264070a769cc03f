"""`serving`: the engine, the precisions, the layout and what one replica is allowed to do."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from capplan.scenario.kinds import Choice, Flag, Name, Proportion, Reference, Whole
from capplan.scenario.part import Contradiction, Part, key, required
from capplan.scenario.quantity import Quantity

Auto = Literal["auto"]
Weights = Literal["bf16", "fp8", "fp4", "int8", "int4"]
KvCache = Literal["bf16", "fp8", "fp4", "int8"]

# Draft heads that are part of a model, where a draft model could stand.
_DRAFT_HEADS = ("mtp", "eagle", "eagle3", "medusa", "ngram")
_PARALLEL = "GPUs; auto lets the planner choose"
Degree = Annotated[int | Auto, Whole(most=4096, auto=True)]


class SpeculativeDecoding(Part):
    """A small draft model proposes tokens that the large one checks in one step."""

    draft: Annotated[Any, Reference("models", example="llama-3.1-8b", words=_DRAFT_HEADS)] = required(
        "Draft model, or the name of a draft head that is part of the model (mtp, eagle3)."
    )
    tokens: Annotated[int, Whole(most=64)] = key(5, "Tokens proposed per step.")
    acceptance: Annotated[float, Quantity("ratio", least=0, most=1, example="70 %")] = key(
        0.7,
        "Chance that one proposed token is accepted, given that those before it were. Published for mtp: 85 to 90 % "
        "where one token is proposed, 70 % each of seven.",
    )


class Failures(Part):
    """GPUs, hosts and links that break: how often, and how long until they serve again."""

    every_s: Annotated[float, Quantity("s", above=0, example="50000 hour")] = required(
        "Mean time between failures of one GPU and its share of host and network. Training on 16,384 H100s was "
        "interrupted 419 times in 54 days, once in 50,700 GPU-hours (Llama 3 report, 2024)."
    )
    repair_s: Annotated[float, Quantity("s", least=0, example="4 hour")] = required(
        "From a failure until the replica serves again."
    )


class Autoscaling(Part):
    """Replicas that follow `workload.day`. GPUs rented on demand or at spot prices are paid while they stand."""

    start_up_s: Annotated[float, Quantity("s", least=0, most=86400, example="5 min")] = required(
        "From asking for a replica until it serves: finding a GPU, loading the weights. What the load will need "
        "by then stands already."
    )
    least_replicas: Annotated[int, Whole(most=10**6)] = key(1, "Replicas kept at all times.")


class PrefillPool(Part):
    """The pool that only reads prompts, where `disaggregated` keeps it apart: how a replica is spread over GPUs, and
    how many there are to those that decode."""

    tensor_parallel: Degree = key("auto", f"GPUs that share every layer of one replica. {_PARALLEL}.")
    pipeline_parallel: Degree = key("auto", f"Groups of GPUs that hold successive layers. {_PARALLEL}.")
    expert_parallel: Degree = key("auto", f"GPUs over which experts are spread. {_PARALLEL}.")
    attention_data_parallel: Degree = key("auto", f"Groups of GPUs that hold attention whole. {_PARALLEL}.")
    ratio: Annotated[tuple[int, int] | None, Proportion()] = key(
        None, "Prefill replicas to decode replicas, spares left out, such as 1:3 (1P3D). The fleet is then whole units "
        "of so many. Left out: each pool is as large as its own load asks."
    )  # fmt: skip


class Serving(Part):
    """How the model is served."""

    engine: Annotated[str, Name("engines", files=True, example="vllm", words=("textbook",))] = key(
        "vllm", "vllm, trtllm, sglang, textbook, or the path of a profile made by `capplan calibrate`."
    )
    weights: Annotated[Weights, Choice(("bf16", "fp8", "fp4", "int8", "int4"))] = key(
        "fp8", "Number format of the weights."
    )
    kv_cache: Annotated[KvCache, Choice(("bf16", "fp8", "fp4", "int8"))] = key("fp8", "Number format of the KV cache.")
    tensor_parallel: Degree = key("auto", f"GPUs that share every layer of one replica. {_PARALLEL}.")
    pipeline_parallel: Degree = key("auto", f"Groups of GPUs that hold successive layers. {_PARALLEL}.")
    expert_parallel: Degree = key(
        "auto", f"GPUs over which the experts of a mixture-of-experts model are spread. {_PARALLEL}."
    )
    attention_data_parallel: Degree = key(
        "auto", f"Groups of GPUs that hold attention whole, each for its own sequences. {_PARALLEL}."
    )
    concurrency: Annotated[int | Auto, Whole(most=10**6, auto=True)] = key(
        "auto", "Sequences in flight per replica. auto follows from load, memory and targets; "
        "1 is the one-query-per-replica view."
    )  # fmt: skip
    memory_utilization: Annotated[float | None, Quantity("ratio", above=0, most=1, example="92 %")] = key(
        None, "Share of a GPU's memory that the engine may fill. Left out: the engine's own default."
    )
    max_batched_tokens: Annotated[int | None, Whole(least=16, most=10**7)] = key(
        None, "Tokens that one engine step may hold (chunked prefill). Left out: the engine's default."
    )
    max_sequences: Annotated[int | None, Whole(most=10**6)] = key(
        None, "Sequences that the engine lets run at once. Left out: the engine's own default."
    )
    prefix_cache_hit_rate: Annotated[float, Quantity("ratio", least=0, most=1, example="30 %")] = key(
        0.0, "Share of prompt tokens whose KV is already there. Skips prefill, still occupies memory."
    )
    speculative_decoding: SpeculativeDecoding | None = key(None, "Draft and verify. Left out: none.")
    disaggregated: Annotated[bool, Flag()] = key(
        False, "Prefill and decode on separate pools, each sized for its own load; the KV cache is sent between them."
    )
    prefill: PrefillPool | None = key(
        None, "The pool that reads prompts; the degrees above are then those of decode. "
        "Left out: the planner chooses its layout and size."
    )  # fmt: skip
    node_gpus: Annotated[int | None, Whole(most=4096)] = key(
        None, "GPUs per node; fleets are bought in whole nodes. Left out: the accelerator's usual node."
    )
    spare_replicas: Annotated[int, Whole(least=0, most=10**6)] = key(
        0, "Replicas kept beyond the load, so that as many may fail at peak (1 is N+1)."
    )
    failures: Failures | None = key(None, "How often GPUs fail. Left out: spare_replicas is all there is for it.")
    availability: Annotated[float | None, Quantity("ratio", above=0, most=0.9999999, example="99.9 %")] = key(
        None, "Share of the time for which the replicas that are up keep the targets, under `failures` and evictions. "
        "Left out: 99.9 %."
    )  # fmt: skip
    autoscaling: Autoscaling | None = key(None, "Replicas that follow the day. Left out: all stand around the clock.")

    @property
    def prefill_ratio(self) -> tuple[int, int] | None:
        """Prefill to decode replicas, where the scenario says so."""
        return self.prefill.ratio if self.prefill else None

    def contradictions(self) -> Iterator[Contradiction]:
        if isinstance(self.concurrency, int) and self.max_sequences and self.concurrency > self.max_sequences:
            message = f"{self.concurrency} sequences in flight, but max_sequences allows {self.max_sequences}"
            yield Contradiction("concurrency", message, "raise max_sequences or lower concurrency")
        for name in ("speculative_decoding", "disaggregated", "failures", "autoscaling"):
            if self.engine == "textbook" and getattr(self, name):
                yield Contradiction(name, "the textbook engine knows no such thing", "remove it, or take engine: vllm")
        if self.disaggregated and self.autoscaling is not None:
            message = "lets one kind of replica follow the day; pools for prefill and decode stand around the clock"
            yield Contradiction("autoscaling", message, "remove it, or set disaggregated: false")
        if self.prefill is not None and not self.disaggregated:
            yield Contradiction("prefill", "describes a pool that is not there", "set disaggregated: true")
