"""What a GPU holds, by hand, and the sequences that published figures say fit."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capplan.catalog import files
from capplan.catalog.models import model
from capplan.catalog.operators import operators
from capplan.engine.architecture import kv_bytes_per_sequence, kv_bytes_per_token, parameters
from capplan.engine.layout import Layout
from capplan.engine.memory import kv_bytes_per_gpu, memory, sequences_that_fit, weight_bytes_per_gpu
from capplan.engine.precision import Precision, precision
from capplan.engine.serving import Replica, Requests, most_sequences
from capplan.engine.speculation import Speculation, usual

ReplicaOf = Callable[..., Replica]
HOPPER = frozenset({"bf16", "fp8", "int8"})
MODELS = ["llama-3.1-8b", "llama-3.3-70b", "deepseek-r1", "gpt-oss-120b", "qwen3-235b-a22b", "gemma-3-27b"]


def stored(name: str, weights: str = "bf16", kv: str = "bf16") -> Precision:
    return precision(model(name).architecture, weights, kv, operators("h100-sxm"), HOPPER)


def test_the_cache_of_a_70b_llama_takes_327680_bytes_a_token() -> None:
    assert float(kv_bytes_per_token(model("llama-3.3-70b").architecture, 2)) == 327_680
    one = kv_bytes_per_gpu(model("llama-3.3-70b").architecture, Layout(), stored("llama-3.3-70b"), 1000.0)
    assert float(one) == 327_680_000


def test_the_cache_of_deepseek_r1_takes_70272_bytes_a_token() -> None:
    arch = model("deepseek-r1").architecture
    assert float(kv_bytes_per_token(arch, 2)) == 70_272  # 61 layers x (512 + 64) x 2 bytes
    assert float(kv_bytes_per_sequence(arch, 30_000, 2)) / 1e9 == pytest.approx(2.11, abs=0.005)


@pytest.mark.parametrize(("tokens", "wanted"), [(22_200, 6), (2_200, 62)])
def test_45_gb_of_an_a100_hold_6_long_or_62_short_sequences(tokens: int, wanted: int) -> None:
    arch = model("llama-3.3-70b").architecture
    assert sequences_that_fit(arch, Layout(), stored("llama-3.3-70b"), 45e9, float(tokens)) == wanted


def test_the_weights_of_a_70b_llama_on_two_gpus_by_hand() -> None:
    # fp8: 80 layers x (attention 8192 x (64 + 8 + 8 + 64) x 128 + MLP 3 x 8192 x 28672) at one byte, halved; embedding
    # and head, 2 x 128256 x 8192 at two bytes, halved; 161 norms x 8192 at two bytes on each.
    attention, mlp = 8192 * (64 + 8 + 8 + 64) * 128, 3 * 8192 * 28672
    wanted = 80 * (attention + mlp) / 2 + 2 * 128256 * 8192 * 2 / 2 + 161 * 8192 * 2
    held = weight_bytes_per_gpu(model("llama-3.3-70b").architecture, Layout(2), stored("llama-3.3-70b", "fp8"))
    assert held == pytest.approx(wanted, rel=1e-6)
    assert wanted / 1e9 == pytest.approx(36.3, abs=0.1)


@pytest.mark.parametrize("stages", [2, 3, 4])
def test_a_stage_of_a_pipeline_holds_its_layers_and_the_embedding_or_the_head(stages: int) -> None:
    arch, form = model("llama-3.3-70b").architecture, stored("llama-3.3-70b")
    tables = 2 * 128_256 * 8192 * 2
    layers = 2 * parameters(arch).total - tables
    assert float(weight_bytes_per_gpu(arch, Layout(2, stages), form)) == pytest.approx(
        (layers / 2 + 161 * 8192) / stages + tables / 2 / 2, rel=1e-12
    )


def test_attention_ranks_hold_attention_whole_and_share_the_experts() -> None:
    arch, form = model("deepseek-r1").architecture, stored("deepseek-r1", "fp8")
    p = parameters(arch)
    alone, spread = (weight_bytes_per_gpu(arch, Layout(1, 1, n, n), form) for n in (1, 8))
    assert alone - spread == pytest.approx(p.experts * form.experts.bytes_per_weight * 7 / 8)


@pytest.mark.parametrize("name", MODELS)
def test_tensor_parallelism_never_adds_to_the_weights_of_a_gpu(name: str) -> None:
    tensor = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    held = weight_bytes_per_gpu(model(name).architecture, Layout(tensor), stored(name))
    assert (np.diff(held) < 0).all()
    assert (held * tensor >= held[0] * (1 - 1e-12)).all()  # nothing is lost on the way


@pytest.mark.parametrize("name", MODELS)
def test_unsplit_weights_are_all_parameters(name: str) -> None:
    held = weight_bytes_per_gpu(model(name).architecture, Layout(), stored(name))
    assert held == pytest.approx(2.0 * parameters(model(name).architecture).total, rel=1e-3)


@given(st.sampled_from(MODELS), st.floats(10, 200_000), st.sampled_from([1.0, 2.0, 4.0, 8.0, 16.0, 32.0]))
def test_the_caches_of_a_tensor_group_hold_at_least_the_whole_sequence(name: str, tokens: float, tensor: float) -> None:
    arch, form = model(name).architecture, stored(name)
    each = float(kv_bytes_per_gpu(arch, Layout(tensor), form, tokens))
    whole = float(kv_bytes_per_gpu(arch, Layout(), form, tokens))
    assert each * tensor >= whole * (1 - 1e-12)
    assert each <= whole * (1 + 1e-12)
    assert whole == pytest.approx(float(kv_bytes_per_sequence(arch, tokens, 2)), rel=1e-12)


@given(st.sampled_from(MODELS), st.floats(10, 100_000), st.floats(1e9, 60e9))
def test_a_lower_kv_precision_never_fits_fewer_sequences(name: str, tokens: float, kv_bytes: float) -> None:
    arch = model(name).architecture
    wide, narrow = (sequences_that_fit(arch, Layout(), stored(name, kv=kv), kv_bytes, tokens) for kv in ("bf16", "fp8"))
    assert narrow >= wide


def test_no_sequence_fits_beside_weights_that_fill_the_gpu(replica_of: ReplicaOf) -> None:
    replica = replica_of("llama-3.3-70b", weights="bf16", layout=Layout(1))
    assert replica.memory.kv_bytes < 0
    assert float(most_sequences(replica, Requests.of(100.0, 100.0))) == 0


def test_a_sequence_that_could_never_end_does_not_fit(replica_of: ReplicaOf) -> None:
    replica = replica_of("llama-3.3-70b", layout=Layout(2))
    room = float(replica.memory.kv_bytes / kv_bytes_per_gpu(replica.work.architecture, Layout(2),
                                                            replica.work.precision, 1.0))  # fmt: skip
    assert float(most_sequences(replica, Requests.of(100.0, 0.9 * room))) >= 1
    assert float(most_sequences(replica, Requests.of(100.0, 1.1 * room))) == 0


def test_a_draft_model_takes_memory_for_its_weights_and_its_cache(replica_of: ReplicaOf) -> None:
    small = replica_of("llama-3.1-8b").work
    plain, drafted = replica_of(), replica_of(speculation=Speculation(5, 0.7, small))
    assert drafted.memory.weight_bytes - plain.memory.weight_bytes == pytest.approx(
        weight_bytes_per_gpu(small.architecture, small.layout, small.precision)
    )
    # 65,536 B a token of cache beside 163,840 (80 against 32 layers of the same 8 heads): fewer by 2/7 and more.
    requests = Requests.of(2000.0, 2000.0)
    assert float(most_sequences(drafted, requests)) < float(most_sequences(plain, requests)) * 5 / 7


def test_drafting_from_the_text_takes_no_memory(replica_of: ReplicaOf) -> None:
    assert replica_of(speculation=usual("ngram", 3)).memory == replica_of().memory
    assert replica_of(speculation=usual("eagle3", 3)).memory.weight_bytes > replica_of().memory.weight_bytes


def test_memory_adds_up_to_what_the_engine_takes(replica_of: ReplicaOf) -> None:
    for engine in ("vllm", "sglang", "trtllm"):
        replica = replica_of(engine=engine)
        held, used = replica.memory, replica.profile.memory_utilization
        taken = held.weight_bytes + held.reserved_bytes
        if replica.profile.utilization_of_free:
            assert held.kv_bytes == pytest.approx(used * (held.device_bytes - taken))
        else:
            assert held.kv_bytes + taken == pytest.approx(used * held.device_bytes)


def test_a_longer_step_leaves_less_for_the_cache() -> None:
    from dataclasses import replace

    from capplan.catalog.engines import profile

    arch, form, engine = model("llama-3.3-70b").architecture, stored("llama-3.3-70b", "fp8"), profile("vllm")
    short, long = (
        memory(arch, Layout(2), form, replace(engine, max_batched_tokens=tokens), 80e9, 0.0).kv_bytes
        for tokens in (2048, 16384)
    )
    assert long < short


EVERY = [name for name in files.names("models") if name != "gpt-4-rumoured"]


@pytest.mark.parametrize("name", EVERY)
def test_a_single_gpu_holds_the_whole_model_and_its_whole_cache(name: str) -> None:
    arch, form = model(name).architecture, stored(name)
    assert float(weight_bytes_per_gpu(arch, Layout(), form)) == pytest.approx(2 * parameters(arch).total, rel=1e-12)
    tokens = np.array([100.0, 100_000.0])
    held = kv_bytes_per_gpu(arch, Layout(), form, tokens)
    assert held == pytest.approx(kv_bytes_per_sequence(arch, tokens, 2))


def test_a_pooled_cache_is_held_whole_by_every_gpu_of_a_tensor_group() -> None:
    flash, form = model("deepseek-v4-flash").architecture, stored("deepseek-v4-flash")
    one, eight = (float(kv_bytes_per_gpu(flash, Layout(n), form, 50_000.0)) for n in (1, 8))
    assert eight == one


def test_a_tensor_group_shares_out_what_recurrent_layers_carry() -> None:
    arch = model("nemotron-h-56b").architecture
    assert arch.recurrent is not None
    alone, two = (float(kv_bytes_per_gpu(arch, Layout(n), stored(arch.name), 0.0)) for n in (1, 2))
    assert alone == arch.recurrent.state_bytes_per_sequence == 2 * two


def test_a_cache_of_exactly_three_sequences_holds_three_in_each_rank() -> None:
    arch, form = model("llama-3.1-8b").architecture, stored("llama-3.1-8b")
    each = float(kv_bytes_per_gpu(arch, Layout(), form, 1001.0))
    counts = [float(sequences_that_fit(arch, Layout(1, 1, 1, n), form, 3 * each, 1001.0)) for n in (1, 4)]
    assert counts == [3.0, 12.0]
    assert float(sequences_that_fit(arch, Layout(), form, 3 * each - 1, 1001.0)) == 2.0
    assert float(sequences_that_fit(arch, Layout(), form, 3 * each, 1001.0, draft_bytes=each / 2)) == 2.0
    assert float(sequences_that_fit(arch, Layout(), form, -each, 1001.0)) == 0.0


def test_pools_apart_are_taken_and_changed_together() -> None:
    two = np.array([1, 1])
    both = Layout(np.array([1, 2]), two, two, np.array([8, 4]), prefill=Layout(np.array([4, 8]), two, two, two))
    taken = both.take(1)
    assert (int(taken.tensor), int(taken.attention_data), int(taken.gpus)) == (2, 4, 8)
    assert taken.prefill is not None and int(taken.prefill.tensor) == 8
    assert Layout(2).each(lambda degree: degree + 1) == Layout(3, 2, 2, 2)
