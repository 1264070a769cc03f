"""Parts of a step that few models and engines have, by hand."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from capplan.catalog.engines import Overheads
from capplan.engine.attention import attention_s
from capplan.engine.layout import Layout
from capplan.engine.serving import Replica
from capplan.engine.step import step

ReplicaOf = Callable[..., Replica]


def test_recurrent_layers_read_and_write_the_state_of_each_sequence_and_of_each_prompt(replica_of: ReplicaOf) -> None:
    replica = replica_of("nemotron-h-56b", layout=Layout(4), weights="bf16", bare=True)
    job, rates = replica.work, replica.rates
    recurrent, kernel = job.architecture.recurrent, rates.operators.gemm["bf16"]
    assert recurrent is not None
    attention = sum(
        float(attention_s(group, job, rates, 8.0, 2000.0, 3000.0, 1000.0, kv_reuse=1.0, past=0.0, verify=1.0))
        for group in job.architecture.attention
    )
    # 8 sequences and 3 prompts of 1,000; a quarter of each state on each GPU, there and back; four kernels a layer.
    moved = 2 * 11 * recurrent.state_bytes_per_sequence / 4
    states_s = moved / (3.35e12 * kernel.memory) + recurrent.layers * 4 * kernel.fixed_s
    one = step(job, rates, Overheads(), 8.0, 2000.0, 3000.0, 1000.0)
    assert float(one.attention_s) == pytest.approx(attention + states_s)


def test_what_an_engine_adds_to_a_step_by_hand(replica_of: ReplicaOf) -> None:
    replica = replica_of("llama-3.3-70b", layout=Layout(2, 2))
    costs = replace(Overheads(), step_s=1e-3, layer_s=2e-5, sequence_s=3e-5, sequence_layer_s=4e-7)
    one = step(replica.work, replica.rates, costs, 32.0, 1000.0)
    # Two stages of 40 layers with 16 sequences each: every stage begins a step and looks after its own.
    assert float(one.overhead_s) == pytest.approx(2 * 1e-3 + 80 * 2e-5 + 16 * (2 * 3e-5 + 80 * 4e-7))
    dear = replace(Overheads(), gemm=1.1, attention=1.2, collective=1.3)
    plain, more = (step(replica.work, replica.rates, form, 32.0, 1000.0) for form in (Overheads(), dear))
    for part, factor in (("gemm_s", 1.1), ("attention_s", 1.2), ("collective_s", 1.3)):
        assert float(getattr(more, part)) == pytest.approx(factor * float(getattr(plain, part)))
    assert float(plain.total_s) == pytest.approx(
        sum(float(getattr(plain, part)) for part in ("gemm_s", "attention_s", "collective_s"))
    )
