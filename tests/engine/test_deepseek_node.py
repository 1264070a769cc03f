"""DeepSeek's production deployment of V3/R1 against the engine.

Source: DeepSeek, "DeepSeek-V3/R1 Inference System Overview", open-infra-index day 6 (2025-03-01): H800 nodes of 8;
decode on 18 nodes with attention data parallelism and expert parallelism over all 144 GPUs, prefill on 4 nodes; fp8
matrices, bf16 attention; 14.8k tokens/s of output and 73.7k tokens/s of input a node, 56.3 % of the input from cache;
4,989 tokens of cache a token of output, at 20 to 22 tokens/s for each user.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from capplan.engine.layout import Layout
from capplan.engine.runs import prefill_alone_s
from capplan.engine.serving import Replica, Requests
from capplan.engine.step import Step, step

ReplicaOf = Callable[..., Replica]
H800 = {"like": "h100-sxm", "name": "h800", "link": {"bandwidth": "200 GB/s"}}
CACHE_TOKENS, USER_TOKENS_PER_S = 4989.0, 20.0


def node_of(replica_of: ReplicaOf, gpus: int) -> Replica:
    return replica_of("deepseek-v3", H800, Layout(1, 1, gpus, gpus), kv="bf16", engine="sglang")


# At the users' pace a GPU holds 14.8k / 8 / 20 = 92 sequences; the time of one step is what the engine adds.
SEQUENCES = 14_800 / 8 / USER_TOKENS_PER_S


def decode_step(replica_of: ReplicaOf) -> Step:
    replica = node_of(replica_of, 144)
    return step(replica.work, replica.rates, replica.profile.overheads, 144 * SEQUENCES, CACHE_TOKENS)


def read_per_s(replica_of: ReplicaOf) -> float:
    replica = node_of(replica_of, 32)
    prompt = CACHE_TOKENS - 350.0
    requests = Requests.of(prompt, 700.0, 0.563)
    prompts = np.floor(replica.profile.max_batched_tokens * 32 / requests.prefill_tokens)
    return float(prompts * prompt / float(prefill_alone_s(replica, prompts, requests)) * 8 / 32)


def test_a_decode_node_makes_as_many_tokens_as_in_production(replica_of: ReplicaOf) -> None:
    """Two micro-batches hide much of the messages in production, the engine adds them: it is on the slow side."""
    assert 8 * SEQUENCES / float(decode_step(replica_of).total_s) == pytest.approx(14_800, rel=0.30)


def test_a_prefill_node_reads_as_many_tokens_as_in_production(replica_of: ReplicaOf) -> None:
    assert read_per_s(replica_of) == pytest.approx(73_700, rel=0.30)


def test_the_readme_tells_what_the_engine_gives(replica_of: ReplicaOf) -> None:
    parts, read = decode_step(replica_of), read_per_s(replica_of)
    written = 8 * SEQUENCES / float(parts.total_s)
    ms = [f"{1e3 * float(part):.1f} ms" for part in (parts.moe_s, parts.collective_s, parts.attention_s, parts.gemm_s)]
    said = " ".join((Path(__file__).parents[2] / "README.md").read_text("utf-8").split())
    assert f"The engine gives {written / 1e3:.1f}k ({written / 14_800 - 1:+.0%}) and" in said.replace(" %", "%")
    assert f" {read / 1e3:.1f}k ({read / 73_700 - 1:+.0%})" in said.replace(" %", "%")
    assert f"takes {ms[0]} in the experts, {ms[1]} in messages, {ms[2]} in attention and {ms[3]} in" in said


def test_the_published_batch_fits_its_memory(replica_of: ReplicaOf) -> None:
    from capplan.engine.serving import most_sequences

    requests = Requests.of(CACHE_TOKENS - 350.0, 700.0)
    assert float(most_sequences(node_of(replica_of, 144), requests)) / 144 > 92
