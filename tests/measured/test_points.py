"""From rows as benchmark authors write them to points: names, precisions, layouts, lengths, eras."""

from collections.abc import Callable
from pathlib import Path

import pytest

from capplan.engine.point import Point, Pool
from capplan.measured.points import Refusal, resolve_table
from capplan.measured.table import INPUTS, read_table

Make = Callable[..., Point]
OFFLINE_70B = {"gpu_count": "8", "load_type": "offline_max", "model": "Llama 2 70B Chat", "weight_dtype": "fp8"}


@pytest.mark.parametrize(
    ("written", "checkpoint", "name"),
    [
        ("Llama 3.3 70B", "", "llama-3.3-70b"),
        ("", "meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b"),
        ("Qwen3 32B", "Qwen/Qwen3-14B", "qwen3-14b"),
        ("DeepSeek-R1", "/mnt/models/deepseek-r1-0528-fp4-v2", "deepseek-r1"),
        ("Llama 3.3 70B", "Llama-3.x-70B (as the source labels it)", "llama-3.3-70b"),
    ],
)
def test_models_resolve_and_the_checkpoint_goes_before_the_short_name(
    point: Make, written: str, checkpoint: str, name: str
) -> None:
    assert point(model=written, hf_model=checkpoint).model == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("H100", "h100-sxm"),
        ("NVIDIA H100 80GB HBM3", "h100-sxm"),
        ("A100-SXM-40GB", "a100-sxm-40gb"),
        ("A100-SXM-80GB", "a100-sxm-80gb"),
        ("AMD Instinct MI300X", "mi300x"),
        ("8x H200", "h200-sxm"),
        ("RTX PRO 6000 Blackwell SE", "rtx-pro-6000"),
    ],
)
def test_accelerators_resolve_as_authors_write_them(point: Make, written: str, name: str) -> None:
    assert point(gpu=written).accelerator == name


def test_an_unknown_name_is_refused_with_a_suggestion(refusal: Callable[..., str]) -> None:
    assert "no 'H1000' in the catalogue's accelerators" in refusal(gpu="H1000")
    assert "no 'Lama 9T' in the catalogue's models" in refusal(model="Lama 9T")
    assert "weight_dtype 'fp7' is not known" in refusal(weight_dtype="fp7")
    assert "needs `concurrency`" in refusal(concurrency="")


@pytest.mark.parametrize(
    ("engine", "profile", "noted"),
    [
        ("vLLM", "vllm", False),
        ("TensorRT(-LLM)", "trtllm", False),
        ("Dynamo+SGLang", "sglang", False),
        ("LMDeploy", "trtllm", True),
        ("TGI", "vllm", True),
        ("", "vllm", True),
    ],
)
def test_an_engine_without_a_profile_takes_the_nearest_and_says_so(
    point: Make, engine: str, profile: str, noted: bool
) -> None:
    found = point(engine=engine)
    assert found.engine == profile
    assert any(a.key == "engine" for a in found.assumptions) is noted


@pytest.mark.parametrize(
    ("written", "checkpoint", "dtype"),
    [
        ("fp16", "", "bf16"),
        ("fp8", "nvidia/Llama-3.1-8B-Instruct-FP8", "fp8"),
        ("fp8", "Qwen/Qwen3-8B-FP8", "fp8_block"),
        ("awq-int4", "", "int4"),
        ("uint4", "", "int4"),
        ("w8a8", "", "int8"),
        ("fp4", "", "nvfp4"),
        ("", "nvidia/Qwen3-32B-NVFP4", "nvfp4"),
        ("", "Qwen/Qwen3-32B-AWQ", "int4"),
        ("", "", "bf16"),
    ],
)
def test_weight_dtypes_read_and_blanks_come_from_the_checkpoint(
    point: Make, written: str, checkpoint: str, dtype: str
) -> None:
    assert point(model="Qwen3 32B", weight_dtype=written, hf_model=checkpoint).weights == dtype


def test_a_bare_fp4_is_the_vendors_flavour(point: Make) -> None:
    assert point(gpu="MI355X", weight_dtype="fp4").weights == "mxfp4"
    assert point(gpu="B200", weight_dtype="fp4", model="gpt-oss-120b").weights == "mxfp4"


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        ({"engine": "TensorRT-LLM", "weight_dtype": "nvfp4"}, "fp8"),
        ({"engine": "TensorRT-LLM", "weight_dtype": "bf16"}, "bf16"),
        ({"engine": "vLLM", "weight_dtype": "fp8"}, "bf16"),
        ({"engine": "vLLM", "weight_dtype": "fp8", "kv_dtype": "fp8_e4m3"}, "fp8"),
        ({"engine": "vLLM", "submitter": "SemiAnalysis InferenceX", "weight_dtype": "fp8"}, "fp8"),
        ({"engine": "vLLM", "load_type": "mlperf_server_poisson", "weight_dtype": "fp8"}, "fp8"),
    ],
)
def test_a_blank_kv_dtype_is_what_engine_or_benchmark_would_do(point: Make, cells: dict[str, str], dtype: str) -> None:
    found = point(**cells)
    assert found.kv_cache == dtype
    assert any(a.key == "kv_dtype" for a in found.assumptions) is ("kv_dtype" not in cells)


@pytest.mark.parametrize(
    ("version", "date", "engine", "year"),
    [
        ("0.19.0 [vllm/vllm-openai:v0.19.0-cu130]", "2026-04-08", "vLLM", 2026.25),
        ("v0.11.0", "2025-09..2026", "vLLM", 2025.7),
        ("TensorRT 10.2.0, CUDA 12.4", "2024-08", "TensorRT(-LLM)", 2024.62),
        ("1.2.0rc2 [nvcr.io/nvidia/tensorrt-llm/release:1.2.0rc2]", "2025-12-17", "TensorRT-LLM", 2025.96),
        (
            "0.7.0.post2 [nvcr.io/nvidia/ai-dynamo/tensorrtllm-runtime:0.7.0.post2]",
            "2026-01-07",
            "TensorRT-LLM",
            2026.02,
        ),
        ("", "2024 (paper arXiv 2411.00136)", "vLLM", 2024.5),
    ],
)
def test_versions_and_dates_give_the_era(point: Make, version: str, date: str, engine: str, year: float) -> None:
    assert point(engine_version=version, date=date, engine=engine).engine_year == pytest.approx(year, abs=0.02)


@pytest.mark.parametrize(
    ("cells", "pool"),
    [
        ({"tp": "4", "gpu_count": "4"}, Pool(tp=4)),
        ({"tp": "1", "pp": "1", "gpu_count": "8"}, Pool(replicas=8)),
        ({"tp": "2", "gpu_count": "8"}, Pool(tp=2, replicas=4)),
        ({"gpu_count": "4"}, Pool(tp=4)),
        ({"parallel_note": "TP4 PP2", "gpu_count": "8"}, Pool(tp=4, pp=2)),
        ({"attn_dp": "4", "tp": "1", "gpu_count": "4"}, Pool(replicas=4)),
        ({**OFFLINE_70B}, Pool(tp=2, replicas=4)),
        ({**OFFLINE_70B, "gpu": "H200"}, Pool(replicas=8)),
        ({"model": "DeepSeek-R1", "tp": "8", "ep": "8", "attn_dp": "8", "gpu_count": "8"}, Pool(attn_dp=8, ep=8)),
        ({"model": "DeepSeek-R1", "parallel_note": "DEP8 PP1", "gpu_count": "8"}, Pool(attn_dp=8, ep=8)),
        ({"model": "DeepSeek-R1", "tp": "8", "gpu_count": "8"}, Pool(tp=8)),
    ],
)  # fmt: skip
def test_layouts_fill_their_blanks(point: Make, cells: dict[str, str], pool: Pool) -> None:
    assert point(**cells).pool == pool


def test_every_layout_of_the_public_table_uses_the_rows_accelerators(measured: Path) -> None:
    table = read_table(measured)
    for row, found in zip(table.rows, resolve_table(table), strict=True):
        assert isinstance(found, Point), found
        if row["gpu_count"]:
            assert found.pool.gpus + (found.prefill.gpus if found.prefill else 0) == int(row["gpu_count"]), row[
                "row_id"
            ]


def test_lengths_are_as_measured_else_as_the_benchmark_draws_them(point: Make) -> None:
    nominal = {"isl": "1024", "osl": "8192"}
    assert point(**nominal).prompt_tokens == 1024
    drawn = point(**nominal, submitter="SemiAnalysis InferenceMAX")
    assert (drawn.prompt_tokens, drawn.output_tokens) == (pytest.approx(901.12), pytest.approx(7208.96))
    assert point(**nominal, submitter="SemiAnalysis", isl_mean_actual="900").prompt_tokens == 900


def test_mlperf_rows_get_their_datasets_lengths_samples_and_limits(point: Make) -> None:
    found = point(
        model="Llama 2 70B Chat", load_type="mlperf_interactive_poisson", osl_mean_actual="300", request_rate="10"
    )
    assert (found.prompt_tokens, found.output_tokens, found.requests) == (294, 300, 24576)
    assert (found.ttft_limit_s, found.tpot_limit_s) == (0.45, 0.04)
    assert point(load_type="concurrency", isl="100").ttft_limit_s is None


@pytest.mark.parametrize(
    ("written", "model", "clients", "drafted"),
    [
        ("none", "DeepSeek-R1", "8", ("", 0)),
        ("mtp3", "DeepSeek-R1", "8", ("mtp", 3)),
        ("mtp", "DeepSeek-R1", "2048", ("mtp", 1)),
        ("mtp", "DeepSeek-R1", "8", ("mtp", 3)),
        ("eagle3", "Llama 3.1 8B", "8", ("eagle3", 3)),
        ("yes", "Llama 3.1 8B", "8", ("eagle3", 3)),
        ("yes", "DeepSeek-R1", "8", ("mtp", 3)),
    ],
)
def test_speculative_decoding_reads(
    point: Make, written: str, model: str, clients: str, drafted: tuple[str, int]
) -> None:
    found = point(spec_decode=written, model=model, concurrency=clients, gpu_count="8")
    assert (found.draft, found.draft_tokens) == drafted


def test_disaggregated_pools_are_as_encoded_or_estimated_and_fill_the_deployment(point: Make) -> None:
    note = "prefill: 40x(tp1,dp1,moe_tp1,ep1); decode: 6x(tp4,dp1,moe_tp1,ep1) as encoded by source"
    told = point(model="Qwen3 32B", disagg="1", gpu_count="64", parallel_note=note)
    assert (told.pool, told.prefill) == (Pool(tp=4, replicas=6), Pool(replicas=40))
    guessed = point(model="DeepSeek-R1", gpu="GB200", weight_dtype="nvfp4", disagg="1", gpu_count="36",
                    concurrency="64", isl="1024", osl="1024")  # fmt: skip
    assert guessed.prefill is not None
    assert (guessed.pool.gpus, guessed.prefill.gpus) == (32, 4)


def test_more_clients_never_ask_for_fewer_prefill_accelerators(point: Make) -> None:
    cells = {"model": "DeepSeek-R1", "gpu": "GB200", "disagg": "1", "gpu_count": "72", "isl": "8192", "osl": "1024"}
    sizes = [p.gpus for c in (8, 64, 512, 2048, 8192) if (p := point(**cells, concurrency=str(c)).prefill)]
    assert sizes == sorted(sizes) and sizes[-1] > sizes[0]


def test_measured_columns_change_nothing(measured: Path) -> None:
    table = read_table(measured)
    rows = table.rows[::97]
    stripped = [{name: cell for name, cell in row.items() if name in INPUTS} for row in rows]
    from capplan.measured.points import resolve_rows

    assert resolve_rows(rows) == resolve_rows(stripped)


def test_rows_of_unknown_names_are_refused_each_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("model,gpu\nllama-3.1-8b,H100\nno-such-model,H100\nllama-3.1-8b,no-such-gpu\n")
    read, unknown, chipless = resolve_table(read_table(path))
    assert isinstance(read, Point) and read.model == "llama-3.1-8b"
    assert isinstance(unknown, Refusal) and "no-such-model" in unknown.reason
    assert isinstance(chipless, Refusal) and "no-such-gpu" in chipless.reason


def test_a_refusal_keeps_its_row_id() -> None:
    from capplan.measured.points import resolve

    found = resolve({"row_id": "r7", "model": "no-such-model", "gpu": "H100"})
    assert isinstance(found, Refusal) and found.row_id == "r7"
