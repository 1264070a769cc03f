"""One replica by hand: what each GPU holds, how long a step takes, and the steady state of continuous batching."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tests.oracles.figures import Q, entry, figure, interpolated, smooth
from tests.oracles.shapes import Shape, widest

CONCRETE = {"fp8": "1 byte", "bf16": "2 byte"}
# One 400 Gbit/s card for each GPU, less protocol; a hop between stages starts no faster than a small NCCL message.
NETWORK, HOP = Q("45 GB/s"), Q("10 us")
NOTHING = Q("0 s")


@dataclass(frozen=True)
class Asked:
    """One question: names, a layout, the lengths in tokens, the traffic; rent in USD an hour, None where bought."""

    model: str
    gpu: str
    tensor: int
    weights: str
    kv_cache: str
    prompt: int
    thinking: int
    answer: int
    qps: float
    peak_to_mean: float
    utilization: float
    hit: float
    pipeline: int = 1
    ranks: int = 1
    expert: int = 1
    burstiness: float = 1.0
    rent: float | None = None


@dataclass(frozen=True)
class State:
    """decoding: sequences. alone, mixed: a step without prefill and one with. prompt: what one adds to its steps."""

    decoding: float
    alone: Any
    mixed: Any
    steps: float
    prompt: Any
    itl: Any
    rate: Any


class Replica:
    """What a question's replica holds and does; every method is one formula."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.shape = Shape(asked.model)
        self.chip = entry(f"accelerators/{asked.gpu}")
        self.kernels = entry(f"operators/{asked.gpu}")
        self.engine = entry("engines/vllm")
        own = [block for block in self.engine["overheads"] if block["vendor"] == "NVIDIA"]
        self.costs = max(own, key=lambda block: block["since"])
        self.bandwidth = figure(self.kernels["peaks"]["memory"])
        self.value = Q(CONCRETE[asked.kv_cache])
        self.stage_gpus = asked.tensor * asked.ranks
        self.gpus = self.stage_gpus * asked.pipeline
        self.output = asked.thinking + asked.answer
        self.computed = max(asked.prompt * (1 - asked.hit), 1.0)
        self.past = max(asked.prompt - self.computed, 0.0)
        self.new = max(asked.prompt - self.past, 1.0)
        self.context = asked.prompt + self.output / 2
        self.state = lru_cache(maxsize=None)(self._state)

    def cost(self, name: str) -> Any:
        missing = 1.0 if name in ("gemm", "attention", "moe", "prefill", "collective", "kv_reuse") else "0 s"
        return figure(self.costs.get(name, missing))

    def peak(self, dtype: str) -> Any:
        return figure(self.chip["peak"][dtype])

    # Precision: (bytes a weight, measured kernel, peak)

    def dense(self) -> tuple[Any, str, str]:
        """A checkpoint published in fp8 has a 4-byte scale for each 128 x 128 block; mxfp4 is for experts only."""
        weights, native = self.asked.weights, self.shape.native
        if weights == "fp8" and native == "fp8":
            return Q(1 + 4 / 128**2, "byte"), "fp8_block", "fp8"
        if weights == "fp4" and native == "mxfp4":
            return Q("2 byte"), "bf16", "bf16"
        return Q(CONCRETE[weights]), weights, weights

    def routed(self) -> tuple[Any, str, str]:
        if self.asked.weights != "fp4":
            return self.dense()
        # 4 bits and an 8-bit scale for 32; chips without fp4 unpack them on the way.
        return Q(0.5 + 1 / 32, "byte"), "bf16", "bf16"

    # Memory of one GPU

    def weight_bytes(self) -> Any:
        """Embedding, head, norms and router stay in 16 bit; the fullest pipeline stage holds embedding or head."""
        asked, shape = self.asked, self.shape
        stage = shape.split() * self.dense()[0] / asked.tensor + shape.routed() * self.routed()[0] / self.stage_gpus
        tables = (1 if shape.tied else 2) * shape.vocab * shape.hidden * Q("2 byte") / asked.tensor
        return (stage + shape.whole() * Q("2 byte")) / asked.pipeline + tables / min(asked.pipeline, 2)

    def held(self) -> float:
        """Share of a layer's cache: a KV head at least, and the latent vector whole."""
        return 1.0 if self.shape.mla else max(self.shape.kv_heads / self.asked.tensor, 1.0) / self.shape.kv_heads

    def cache_bytes(self, tokens: float) -> Any:
        """Of one sequence, on each GPU."""
        entries = sum(group.count * group.seen(tokens) for group in self.shape.groups)
        return entries * self.shape.cached() * self.held() * self.value / self.asked.pipeline

    def sequences(self) -> int:
        limits, hidden = self.engine["limits"], self.shape.hidden
        columns = 4 * hidden + 2 * widest(self.shape) / self.asked.tensor
        device = figure(self.chip["reported_memory"])
        free = figure(limits["memory_utilization"]) * device - self.weight_bytes() - figure(limits["reserved"])
        free -= limits["max_batched_tokens"] * columns * Q("2 byte")
        held = self.asked.prompt + figure(limits["output_reserved"]).to("").m * self.output
        fit = math.floor((free / self.cache_bytes(held)).to("").m + 1e-9)
        return min(fit, limits["max_sequences"]) * self.asked.ranks

    # One step: all stages of a pipeline, each with its part of the batch

    def matrix(self, rows: float, outputs: float, inputs: float, storage: tuple[Any, str, str]) -> Any:
        """`rows` tokens through one weight matrix."""
        weight, name, peak = storage
        kernel = self.kernels["gemm"][name]
        flop = Q(2 * rows * outputs * inputs, "flop")
        moved = outputs * inputs * weight + Q(rows * (2 * outputs + (2 + kernel["activation_bytes"]) * inputs), "byte")
        compute = flop / (self.peak(peak) * kernel["compute"])
        memory = moved / (self.bandwidth * kernel["memory"])
        return smooth(compute.to("s"), memory.to("s"), kernel["sharpness"]) + figure(kernel["fixed"])

    def matrices(self, rows: float, sampled: float) -> Any:
        shape, tensor, sixteen = self.shape, self.asked.tensor, (Q("2 byte"), "bf16", "bf16")
        total = self.matrix(max(sampled, 1.0), shape.vocab / tensor, shape.hidden, sixteen)
        for layers, outputs, inputs in shape.matrices(tensor):
            total += layers * self.matrix(rows, outputs, inputs, self.dense())
        if shape.moe:
            total += shape.moe["layers"] * self.matrix(rows, shape.moe["experts"], shape.hidden, sixteen)
        return total

    def experts(self, tokens: float) -> Any:
        """Routed experts: independent picks hit E (1 - exp(-T k / E)) of them, fewer where the routing is skewed."""
        moe, (weight, name, peak) = self.shape.moe, self.routed()
        kernel = self.kernels["moe"][name]
        hit = moe["experts"] * (1 - math.exp(-kernel["experts_hit"] * tokens * moe["active"] / moe["experts"]))
        flop = Q(2 * tokens * moe["active"] * self.shape.expert(), "flop")
        passed = Q(4 * tokens * moe["active"] * (self.shape.hidden + 3 * moe["intermediate"]), "byte")
        moved = hit * self.shape.expert() * weight + passed
        # Whole experts on different GPUs wait for the one with the favourites; parts of every expert do not.
        even = kernel.get("balanced", kernel["compute"])
        reached = even * (kernel["compute"] / even) ** (1 - 1 / self.asked.expert)
        compute = flop / self.stage_gpus / (self.peak(peak) * reached)
        memory = moved / self.stage_gpus / (self.bandwidth * kernel["memory"])
        one = smooth(compute.to("s"), memory.to("s"), kernel["sharpness"]) + figure(kernel["fixed"])
        return moe["layers"] * one

    def reading(self, sequences: float) -> Any:
        """Decode attention: every sequence's cache is read once."""
        return sum((group.count * self._read(sequences * group.seen(self.context), sequences)
                    for group in self.shape.groups), NOTHING)  # fmt: skip

    def _read(self, entries: float, sequences: float) -> Any:
        """One layer that reads so many entries."""
        shape, tensor = self.shape, self.asked.tensor
        moved = entries * shape.cached() * self.held() * self.value
        if shape.mla:
            kernel = self.kernels["mla_decode"][self.asked.kv_cache]
            flop = Q(entries * shape.pair_flop(decode=True) / tensor, "flop")
            compute = (flop / (self.peak("bf16") * kernel["compute"])).to("s")
            memory = (moved / (self.bandwidth * kernel["memory"])).to("s")
            each = figure(kernel["fixed"]) + figure(kernel["per_sequence"]) * sequences
            return smooth(compute, memory, kernel["sharpness"]) + each
        kernel = self.kernels["decode_attention"][self.asked.kv_cache]
        again = (shape.heads / shape.kv_heads) ** (1 - self.cost("kv_reuse").to("").m)
        each = figure(kernel["per_kv_head"]) * sequences * max(shape.kv_heads / tensor, 1.0)
        return figure(kernel["fixed"]) + each + moved * again / (self.bandwidth * kernel["memory"])

    def causal(self, prefill: float) -> Any:
        """Prefill attention, of prompts of which a cache holds the first part."""
        kernel, prompt = self.kernels["prefill_attention"], self.asked.prompt
        share = interpolated(math.log(prompt), [math.log(n) for n in kernel["tokens"]], kernel["compute"])
        total = NOTHING
        for group in self.shape.groups:
            pairs = prefill / self.new * group.pairs(self.past, prompt)
            flop = Q(pairs * self.shape.pair_flop(decode=False), "flop")
            time = flop / self.asked.tensor / (self.peak("bf16") * share)
            total += group.count * (time.to("s") + figure(kernel["fixed"]))
        return total

    def message(self, family: str, gpus: int, size: Any) -> Any:
        link = self.kernels["collectives"][family][gpus]
        ramp = figure(link["ramp"]) * (size / (size + figure(link["half"]))).to("").m
        return figure(link["fixed"]) + ramp + size / figure(link["bandwidth"])

    def sending(self, rows: float) -> Any:
        """All-reduces after attention and MLP; tokens to their experts and back; activations to the next stage."""
        asked, shape, total = self.asked, self.shape, NOTHING
        activations = rows * shape.hidden * Q("2 byte")
        if asked.tensor > 1:
            total += 2 * shape.layers * self.message("all_reduce", asked.tensor, activations)
        if asked.ranks > 1 and shape.moe:
            # A byte a value there and two back.
            total += 2 * shape.moe["layers"] * self.to_experts(rows * shape.hidden * Q("1.5 byte"))
        if asked.pipeline > 1:
            total += asked.pipeline * (activations / NETWORK + HOP)
        return total

    def to_experts(self, size: Any) -> Any:
        """Across nodes each token goes once to every other node that holds an expert of it, and on from there."""
        gpus, active = self.stage_gpus, self.shape.moe["active"]
        inside = self.message("all_to_all", min(gpus, 8), size * min(active, gpus))
        nodes = math.ceil(gpus / self.chip["node"]["scale_up_gpus"])
        if nodes == 1:
            return inside
        fixed = figure(self.kernels["collectives"]["all_to_all"][8]["fixed"])
        met = nodes * (1 - (1 - 1 / nodes) ** active) * (nodes - 1) / nodes
        return fixed * math.log2(gpus / 8) + max(inside, fixed + size * met / NETWORK)

    def step(self, sequences: float, prefill: float = 0.0) -> Any:
        asked, shape = self.asked, self.shape
        sequences, prefill = sequences / asked.pipeline, prefill / asked.pipeline
        own = sequences / asked.ranks
        # A prompt stays whole on one of the ranks, and the others wait for it.
        piece = min(self.new, self.engine["limits"]["max_batched_tokens"])
        fullest = max(prefill / asked.ranks, min(prefill, piece))
        rows = own + fullest
        attention = self.reading(own) + (self.causal(fullest) if prefill else NOTHING)
        total = self.cost("gemm") * self.matrices(max(rows, 1.0), own + fullest / self.new)
        total += self.cost("attention") * attention + self.cost("collective") * self.sending(rows)
        if shape.moe:
            total += self.cost("moe") * self.experts(sequences + prefill)
        total += self.cost("step") * asked.pipeline + self.cost("layer") * shape.layers
        each = self.cost("sequence") * asked.pipeline + self.cost("sequence_layer") * shape.layers
        return (total + each * own).to("s")

    # The steady state

    def _state(self, decoding: float) -> State:
        """The state with so many sequences in decode: every answer that ends is followed by another's prompt."""
        gaps = self.output - 1
        most = self.engine["limits"]["max_batched_tokens"]
        chunk = max(self.computed * decoding / max(gaps, 1), min(self.computed, most))
        chunk = min(chunk, most * self.asked.ranks)
        alone, mixed = self.step(decoding), self.step(decoding, chunk)
        steps, longer = self.computed / chunk, self.cost("prefill") * (mixed - alone)
        prompt = longer * steps + self.cost("request")
        itl = alone + decoding * prompt / gaps
        return State(decoding, alone, alone + longer, steps, prompt, itl, Q(decoding, "request") / (gaps * itl))

    def at_rate(self, wanted: Any) -> State:
        """The state that serves a rate, by bisection."""
        # No gap between tokens is shorter than that of a replica nearly idle.
        least = (wanted * (self.output - 1) * self.state(1e-6).itl).to("request").m
        low, high = min(least, self.sequences()), float(self.sequences())
        for _ in range(12):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if self.state(middle).rate < wanted else (low, middle)
        return self.state(high)

    # Arithmetic and traffic

    def flop_of_a_request(self) -> Any:
        """2 flop for each active parameter and token, and the pairs of tokens that attention looks at."""
        shape, each = self.shape, 2 * self.shape.active() * (self.computed + self.output)
        for group in shape.groups:
            prefill = group.pairs(self.past, self.asked.prompt) * self.computed / self.new
            each += group.count * shape.pair_flop(decode=False) * prefill
            each += group.count * shape.pair_flop(decode=True) * group.seen(self.context) * self.output
        return Q(each, "flop/request")

    def read_in_a_step(self, decoding: float) -> Any:
        """By each GPU: its weights once for each part of the batch in the pipeline, and its sequences' cache."""
        asked, shape, weights = self.asked, self.shape, self.weight_bytes()
        if shape.moe:
            idle = math.exp(-decoding / asked.pipeline * shape.moe["active"] / shape.moe["experts"])
            weights -= shape.routed() * self.routed()[0] / self.gpus * idle
        return weights * asked.pipeline + decoding / asked.ranks * self.cache_bytes(self.context)
