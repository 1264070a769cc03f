"""A whole plan computed a second time, plainly: pint quantities in scalar loops, straight from the files of `configs/`.

Nothing of capplan is called but the plan that is judged. Every quantity carries its unit from the YAML file to the
dollar, so a slipped dimension or scale raises here. What is recomputed: parameters, weights and cache on each GPU,
sequences that fit, the roofline of a step, the steady state of continuous batching, replicas, nodes, power, the bill.
Grouped-query models under tensor parallelism and vLLM on two chips with measured kernels; waiting has oracles of its
own (`tests/simulate`, `tests/fleet`). Formulas: the docstrings of `capplan/engine`, `capplan/fleet` and `capplan/cost`.
"""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pint
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import capplan
from capplan.plan import plan
from capplan.scenario.loader import loads

CONFIGS = Path(__file__).parents[2] / "configs"
U = pint.UnitRegistry(str(Path(capplan.__file__).with_name("units.txt")), cache_folder=None)
Q = U.Quantity
TOKEN, GPU_HOURS = Q(1, "token"), 8760
CONCRETE = {"fp8": "1 byte", "bf16": "2 byte"}


@cache
def entry(path: str) -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load((CONFIGS / f"{path}.yaml").read_text("utf-8"))
    return tree


def figure(value: Any) -> Any:
    """A figure of a file as a quantity; `{is: ..., from: ...}` by its value."""
    text = str(value["is"] if isinstance(value, dict) else value)
    if text.endswith("%"):
        return Q(float(text[:-1]) / 100)
    return Q(re.sub(r"(?<=[0-9]) (?=[A-Za-z])", " * ", text))


def smooth(a: Any, b: Any, sharpness: float) -> Any:
    """(a^p + b^p)^(1/p) of two times."""
    high, low = max(a, b), min(a, b)
    return high * (1 + (low / high).to("").m ** sharpness) ** (1 / sharpness)


@dataclass(frozen=True)
class Asked:
    """One question: names, a layout, the lengths in tokens, the traffic."""

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


class ByHand:
    """The plan of a question; every method is one formula."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.shape = entry(f"models/{asked.model}")["shape"]
        self.chip = entry(f"accelerators/{asked.gpu}")
        self.kernels = entry(f"operators/{asked.gpu}")
        self.engine = entry("engines/vllm")
        own = [block for block in self.engine["overheads"] if block["vendor"] == "NVIDIA"]
        self.costs = max(own, key=lambda block: block["since"])
        self.bandwidth = figure(self.kernels["peaks"]["memory"])
        self.weight = Q(CONCRETE[asked.weights])
        self.value = Q(CONCRETE[asked.kv_cache])
        self.layers, self.hidden = self.shape["layers"], self.shape["hidden"]
        self.heads, self.kv_heads, self.width = (self.shape[key] for key in ("heads", "kv_heads", "head_dim"))
        self.moe = self.shape.get("moe")
        self.output = asked.thinking + asked.answer
        self.computed = max(asked.prompt * (1 - asked.hit), 1.0)
        self.context = asked.prompt + self.output / 2

    def cost(self, name: str) -> Any:
        missing = 1.0 if name in ("gemm", "attention", "moe", "prefill", "collective", "kv_reuse") else "0 s"
        return figure(self.costs.get(name, missing))

    def peak(self, dtype: str) -> Any:
        return figure(self.chip["peak"][dtype])

    # Memory

    def attention_parameters(self) -> float:
        projections = self.hidden * self.width * (2 * self.heads + 2 * self.kv_heads)
        return self.layers * (projections + (2 * self.width if self.shape.get("qk_norm") else 0))

    def mlp_parameters(self) -> float:
        return 0.0 if self.moe else self.layers * 3 * self.hidden * self.shape["intermediate"]

    def expert_parameters(self) -> float:
        return 3 * self.hidden * self.moe["intermediate"] if self.moe else 0.0

    def small_parameters(self) -> float:
        router = self.layers * self.moe["experts"] * self.hidden if self.moe else 0
        return router + (2 * self.layers + 1) * self.hidden

    def weight_bytes(self) -> Any:
        """On one GPU; embedding, head, norms and router stay in 16 bit, norms and router whole on each."""
        split = (self.attention_parameters() + self.mlp_parameters()) * self.weight
        if self.moe:
            split += self.layers * self.moe["experts"] * self.expert_parameters() * self.weight
        tables = 2 * self.shape["vocab"] * self.hidden * Q("2 byte")
        return (split + tables) / self.asked.tensor + self.small_parameters() * Q("2 byte")

    def cache_bytes(self, tokens: float) -> Any:
        """Of one sequence, on each GPU: a KV head at least."""
        held = max(self.kv_heads / self.asked.tensor, 1.0)
        return self.layers * 2 * held * self.width * tokens * self.value

    def sequences(self) -> int:
        limits = self.engine["limits"]
        widest = max(self.shape.get("intermediate", 0), 4 * self.hidden)
        activations = limits["max_batched_tokens"] * (4 * self.hidden + 2 * widest / self.asked.tensor) * Q("2 byte")
        device = figure(self.chip["reported_memory"])
        free = figure(limits["memory_utilization"]) * device - self.weight_bytes() - figure(limits["reserved"])
        reserved = figure(limits["output_reserved"]).to("").m
        held = self.asked.prompt + reserved * self.output
        fit = int(((free - activations) / self.cache_bytes(held)).to("").m + 1e-9)
        return min(fit, limits["max_sequences"])

    # One step

    def matrix(self, rows: float, outputs: float, inputs: float, dtype: str, weight: Any) -> Any:
        """`rows` tokens through one weight matrix."""
        kernel = self.kernels["gemm"][dtype]
        flop = Q(2 * rows * outputs * inputs, "flop")
        moved = outputs * inputs * weight + Q(rows * (2 * outputs + (2 + kernel["activation_bytes"]) * inputs), "byte")
        compute = flop / (self.peak(dtype) * kernel["compute"])
        memory = moved / (self.bandwidth * kernel["memory"])
        return smooth(compute.to("s"), memory.to("s"), kernel["sharpness"]) + figure(kernel["fixed"])

    def matrices(self, rows: float, sampled: float) -> Any:
        tensor, dtype = self.asked.tensor, self.asked.weights
        held = 2 * max(self.kv_heads / tensor, 1.0) * self.width
        own = self.heads * self.width / tensor
        layer = self.matrix(rows, own + held, self.hidden, dtype, self.weight)
        layer += self.matrix(rows, self.hidden, own, dtype, self.weight)
        if self.moe:
            layer += self.matrix(rows, self.moe["experts"], self.hidden, "bf16", Q("2 byte"))
        else:
            width = self.shape["intermediate"] / tensor
            layer += self.matrix(rows, 2 * width, self.hidden, dtype, self.weight)
            layer += self.matrix(rows, self.hidden, width, dtype, self.weight)
        head = self.matrix(max(sampled, 1.0), self.shape["vocab"] / tensor, self.hidden, "bf16", Q("2 byte"))
        return self.layers * layer + head

    def experts(self, tokens: float) -> Any:
        kernel, moe = self.kernels["moe"][self.asked.weights], self.moe
        hit = moe["experts"] * (1 - math.exp(-kernel["experts_hit"] * tokens * moe["active"] / moe["experts"]))
        flop = Q(2 * tokens * moe["active"] * self.expert_parameters(), "flop")
        passed = Q(4 * tokens * moe["active"] * (self.hidden + 3 * moe["intermediate"]), "byte")
        moved = hit * self.expert_parameters() * self.weight + passed
        # A GPU that holds a part of every expert has as much to do as the others.
        compute = flop / self.asked.tensor / (self.peak(self.asked.weights) * kernel["balanced"])
        memory = moved / self.asked.tensor / (self.bandwidth * kernel["memory"])
        one = smooth(compute.to("s"), memory.to("s"), kernel["sharpness"]) + figure(kernel["fixed"])
        return self.layers * one

    def reading(self, sequences: float) -> Any:
        """Decode attention: every sequence's cache is read once."""
        kernel = self.kernels["decode_attention"][self.asked.kv_cache]
        again = (self.heads / self.kv_heads) ** (1 - self.cost("kv_reuse").to("").m)
        held = max(self.kv_heads / self.asked.tensor, 1.0)
        time = sequences * self.cache_bytes(self.context) / self.layers * again / (self.bandwidth * kernel["memory"])
        return self.layers * (figure(kernel["fixed"]) + figure(kernel["per_kv_head"]) * sequences * held + time)

    def causal(self, prefill: float) -> Any:
        """Prefill attention, of prompts of which a cache holds the first part."""
        kernel = self.kernels["prefill_attention"]
        pairs = (self.asked.prompt * (self.asked.prompt + 1) - self.past * (self.past + 1)) / 2
        flop = Q(prefill / self.new * pairs * 2 * self.heads * 2 * self.width, "flop")
        share = interpolated(math.log(self.asked.prompt), [math.log(n) for n in kernel["tokens"]], kernel["compute"])
        time = flop / self.asked.tensor / (self.peak("bf16") * share)
        return self.layers * (time.to("s") + figure(kernel["fixed"]))

    def summing(self, tokens: float) -> Any:
        """An all-reduce after attention and one after the MLP."""
        if self.asked.tensor == 1:
            return Q("0 s")
        link = self.kernels["collectives"]["all_reduce"][self.asked.tensor]
        message = tokens * self.hidden * Q("2 byte")
        ramp = figure(link["ramp"]) * (message / (message + figure(link["half"]))).to("").m
        one = figure(link["fixed"]) + ramp + message / figure(link["bandwidth"])
        return 2 * self.layers * one

    @property
    def past(self) -> float:
        return max(self.asked.prompt - self.computed, 0.0)

    @property
    def new(self) -> float:
        return max(self.asked.prompt - self.past, 1.0)

    def step(self, sequences: float, prefill: float = 0.0) -> Any:
        tokens = max(sequences + prefill, 1e-9)
        attention = self.reading(sequences) + (self.causal(prefill) if prefill else Q("0 s"))
        total = self.cost("gemm") * self.matrices(max(tokens, 1.0), sequences + prefill / self.new)
        total += self.cost("attention") * attention + self.cost("collective") * self.summing(tokens)
        if self.moe:
            total += self.cost("moe") * self.experts(tokens)
        total += self.cost("step") + self.layers * self.cost("layer")
        return (total + (self.cost("sequence") + self.layers * self.cost("sequence_layer")) * sequences).to("s")

    # The steady state

    def state(self, decoding: float) -> tuple[Any, Any]:
        """(ITL, requests a second of a replica) with so many sequences in decode."""
        gaps = self.output - 1
        most = self.engine["limits"]["max_batched_tokens"]
        chunk = min(max(self.computed * decoding / max(gaps, 1), min(self.computed, most)), most)
        alone, mixed = self.step(decoding), self.step(decoding, chunk)
        prompt = self.cost("prefill") * (mixed - alone) * self.computed / chunk + self.cost("request")
        itl = alone + decoding * prompt / gaps
        return itl, Q(decoding, "request") / (gaps * itl)

    def at_rate(self, wanted: Any) -> tuple[float, Any]:
        """(sequences in decode, ITL) that serve a rate, by bisection."""
        # No gap between tokens is shorter than that of a replica nearly idle.
        least = (wanted * (self.output - 1) * self.state(1e-6)[0]).to("request").m
        low, high = min(least, self.sequences()), float(self.sequences())
        for _ in range(12):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if self.state(middle)[1] < wanted else (low, middle)
        return high, self.state(high)[0]

    # The fleet and its bill

    def fleet(self) -> dict[str, Any]:
        """The figures that a plan tells, as plain numbers of the contract's units."""
        asked = self.asked
        most = self.sequences()
        capacity = self.state(most)[1]
        arrivals = Q(asked.qps, "request/s")
        replicas = max(math.ceil((arrivals * asked.peak_to_mean / (capacity * asked.utilization)).to("").m - 1e-9), 1)
        node = self.chip["node"]["gpus"]
        nodes = math.ceil(replicas / (node // asked.tensor))
        gpus = nodes * node
        board = self.board(arrivals / replicas, asked.tensor * replicas / gpus)
        host = figure(entry("prices/datacenter/power")["host"]).to("").m
        energy = board * gpus * (1 + host) * 1.12 * Q(GPU_HOURS, "hour")
        tariff = Q("0.12 USD/kWh")
        bought = Q("30000 USD") * gpus + Q("80000 USD") * nodes + self.network(gpus, nodes)
        return {
            "concurrency": most,
            "requests_per_s_per_replica": capacity.to("request/s").m,
            "replicas": replicas,
            "nodes": nodes,
            "gpus": gpus,
            "itl_s": self.at_rate(arrivals * asked.peak_to_mean / replicas)[1].to("s").m,
            "capex_usd_per_year": (bought / 4).to("USD").m,
            "maintenance_usd_per_year": (bought * 0.05).to("USD").m,
            "annual_kwh": energy.to("kWh").m,
            "energy_usd_per_year": (energy * tariff).to("USD").m,
            "annual_tco_usd": (bought * 0.3 + energy * tariff).to("USD").m,
            "usd_per_m_output_tokens": (
                (bought * 0.3 + energy * tariff) / (arrivals * Q("1 year") * self.output * TOKEN / Q("1 request"))
            )
            .to("USD/Mtoken")
            .m,
        }

    def network(self, gpus: int, nodes: int) -> Any:
        tiers = entry("prices/datacenter/network")["tiers"]
        tier = next((one for one in tiers if gpus <= one["gpus"]), tiers[-1])
        return figure(tier["price"]) * gpus if nodes > 1 else Q("0 USD")

    def board(self, rate: Any, used: float) -> Any:
        """Mean power of one board, those that stand idle in their node included."""
        law = entry("prices/datacenter/power")
        shares = {name: figure(law["board"][name]).to("").m for name in
                  ("engaged", "memory", "compute", "sharpness", "ceiling")}  # fmt: skip
        decoding, itl = self.at_rate(rate)
        busy = min(decoding, 1.0)
        compute = (rate * self.flop_of_a_request() / (self.peak("bf16") * self.asked.tensor)).to("").m / busy
        read = self.weight_bytes() + decoding * self.cache_bytes(self.context)
        if self.moe:
            every = self.layers * self.moe["experts"] * self.expert_parameters() * self.weight / self.asked.tensor
            read -= every * math.exp(-decoding * self.moe["active"] / self.moe["experts"])
        memory = min((read / (itl * self.bandwidth)).to("").m, 1.0)
        drawn = shares["engaged"] + shares["memory"] * memory ** shares["sharpness"]
        drawn = min(drawn + shares["compute"] * compute ** shares["sharpness"], shares["ceiling"])
        idle = figure(law["idle"]).to("").m
        return figure(self.chip["tdp"]) * (busy * used * drawn + (1 - busy * used) * idle)

    def flop_of_a_request(self) -> Any:
        """2 flop for each active parameter and token, and 4 for each head, dimension and pair of tokens."""
        active = self.attention_parameters() + self.mlp_parameters() + self.small_parameters()
        active += self.shape["vocab"] * self.hidden
        if self.moe:
            active += self.layers * self.moe["active"] * self.expert_parameters()
        pairs = (self.asked.prompt * (self.asked.prompt + 1) - self.past * (self.past + 1)) / 2
        pairs = pairs * self.computed / self.new + self.context * self.output
        each = 2 * active * (self.computed + self.output) + self.layers * 4 * self.heads * self.width * pairs
        return Q(each, "flop/request")


def interpolated(x: float, xs: list[float], ys: list[float]) -> float:
    """Straight lines between the points, level beyond them."""
    if x <= xs[0] or x >= xs[-1]:
        return ys[0] if x <= xs[0] else ys[-1]
    right = next(i for i, known in enumerate(xs) if known >= x)
    part = (x - xs[right - 1]) / (xs[right] - xs[right - 1])
    return ys[right - 1] + part * (ys[right] - ys[right - 1])


questions = st.builds(
    Asked,
    model=st.sampled_from(["llama-3.1-8b", "llama-3.3-70b", "qwen3-30b-a3b"]),
    gpu=st.sampled_from(["h100-sxm", "b200-sxm"]),
    tensor=st.sampled_from([2, 4, 8]),
    weights=st.sampled_from(["fp8", "bf16"]),
    kv_cache=st.sampled_from(["fp8", "bf16"]),
    prompt=st.integers(64, 8_000),
    thinking=st.integers(1, 3_000),
    answer=st.integers(16, 800),
    qps=st.integers(1, 5_000).map(lambda tenths: tenths / 10),
    peak_to_mean=st.integers(10, 30).map(lambda tenths: tenths / 10),
    utilization=st.integers(50, 95).map(lambda percent: percent / 100),
    hit=st.sampled_from([0.0, 0.0, 0.4, 0.8]),
).filter(lambda one: not (one.model == "llama-3.3-70b" and one.weights == "bf16" and one.tensor == 2))


def told(asked: Asked) -> dict[str, Any]:
    """The planner's own answer to the question."""
    row = plan(
        loads(f"""
version: 1
model: {asked.model}
gpu: {asked.gpu}
serving: {{weights: {asked.weights}, kv_cache: {asked.kv_cache}, tensor_parallel: {asked.tensor},
          pipeline_parallel: 1, prefix_cache_hit_rate: {asked.hit}}}
workload: {{qps: {asked.qps}, peak_to_mean: {asked.peak_to_mean}, prompt_tokens: {asked.prompt},
           answer_tokens: {asked.answer}, target_utilization: {asked.utilization}}}
reasoning: {{strategy: chain_of_thought, k: 1, tokens_per_step: {asked.thinking}}}
cost: {{purchase_price: 30000 USD, node_price: 80000 USD, amortization: 4 year, maintenance: 5 %, pue: 1.12,
       electricity: 0.12 USD/kWh}}
""")
    ).row
    return {name: float(value) for name, value in row.items() if isinstance(value, int | float | Decimal)}


# Read off a curve within 0.5 % by the planner, solved here; all else is one formula written twice.
SOLVED = {"itl_s": 0.01, "annual_kwh": 0.01, "energy_usd_per_year": 0.01, "annual_tco_usd": 2e-3,
          "usd_per_m_output_tokens": 2e-3}  # fmt: skip


@settings(max_examples=25, deadline=None, derandomize=True)
@given(questions)
def test_a_plan_computed_by_hand_in_units_is_the_planners(asked: Asked) -> None:
    by_hand, planned = ByHand(asked).fleet(), told(asked)
    for name, value in by_hand.items():
        tolerance = SOLVED.get(name, 1e-6 if name == "requests_per_s_per_replica" else 1e-7)
        assert planned[name] == pytest.approx(value, rel=tolerance, abs=0.02 if "usd" in name else 0), name
