"""Models by any name, inline, and the shipped figures against what their makers print."""

import csv
import json
from pathlib import Path

import pytest

from capplan.catalog import files
from capplan.catalog.figures import MissingFigure, figures
from capplan.catalog.models import COUNTS, model
from capplan.engine.architecture import parameters
from capplan.errors import UserError

DEV = Path(__file__).parents[2].parent / "shared" / "measured" / "dev.csv"
SHIPPED = [name for name in files.names("models") if name != "gpt-4-rumoured"]
WITH_TOTAL = [name for name in SHIPPED if model(name).published_total]
WITH_ACTIVE = [name for name in SHIPPED if model(name).published_active]
TINY = {
    "layers": 2,
    "hidden": 64,
    "heads": 4,
    "kv_heads": 2,
    "intermediate": 128,
    "vocab": 1000,
    "max_context": 512,
}


@pytest.mark.parametrize("name", WITH_TOTAL)
def test_parameters_computed_from_the_shape_agree_with_the_published_total(name: str) -> None:
    found = model(name)
    assert parameters(found.architecture).total == pytest.approx(found.published_total, rel=0.015)


@pytest.mark.parametrize("name", WITH_ACTIVE)
def test_active_parameters_agree_with_the_published_ones_to_their_printed_precision(name: str) -> None:
    found = model(name)
    computed = parameters(found.architecture)
    counted = {
        "everything": computed.active_with_embedding,
        "without_input_embedding": computed.active,
        "without_embeddings": computed.active - computed.head,
    }
    assert set(counted) == set(COUNTS)
    # Makers print whole billions.
    assert counted[found.counted_as_active] == pytest.approx(found.published_active, rel=0.025, abs=0.5e9)


def test_enough_published_totals_are_there_to_make_the_check_worth_it() -> None:
    assert len(WITH_TOTAL) > 100
    assert len(WITH_ACTIVE) > 30


@pytest.mark.parametrize("name", [*SHIPPED, "gpt-4-rumoured"])
def test_every_figure_names_a_source_and_when_it_was_read(name: str) -> None:
    for figure in figures("models", name):
        assert figure.source is not None, figure.path
        assert figure.source.read, figure.path


@pytest.mark.parametrize("name", [*SHIPPED, "gpt-4-rumoured"])
def test_every_alias_finds_its_own_file_in_any_case(name: str) -> None:
    path = files.find("models", name)
    for alias in (name, *files.quick_aliases(path)):
        assert files.find("models", alias) == path
        if name != "gpt-4-rumoured":
            assert model(alias.upper()).name == model(alias.lower()).name == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("llama-3.3-70b", "llama-3.3-70b"),
        ("Llama 3.3 70B", "llama-3.3-70b"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b"),
        ("META-LLAMA/LLAMA-3.3-70B-INSTRUCT", "llama-3.3-70b"),
        ("nvidia/Llama-3.3-70B-Instruct-FP8", "llama-3.3-70b"),
        ("amd/Llama-3.3-70B-Instruct-MXFP4-Preview", "llama-3.3-70b"),
        ("RedHatAI/Meta-Llama-3.1-70B-Instruct-FP8-dynamic", "llama-3.1-70b"),
        ("neuralmagic/Meta-Llama-3.1-8B-Instruct-quantized.w8a8", "llama-3.1-8b"),
        ("amd/Llama-3.1-405B-Instruct-FP8-KV", "llama-3.1-405b"),
        ("unsloth/Llama-3.3-70B-Instruct-bnb-4bit", "llama-3.3-70b"),
        ("TheBloke/Llama-2-70B-chat-GPTQ", "llama-2-70b"),
        ("nvidia/DeepSeek-R1-NVFP4", "deepseek-r1"),
        ("nvidia/DeepSeek-R1-0528-FP4-V2", "deepseek-r1"),
        ("/models/deepseek-r1-0528-fp4-v2", "deepseek-r1"),
        ("amd/DeepSeek-R1-0528-MXFP4-Preview", "deepseek-r1"),
        ("nvidia/DeepSeek-V3.1-NVFP4", "deepseek-v3"),
        ("deepseek-ai/DeepSeek-V3-0324", "deepseek-v3"),
        ("deepseek-ai/DeepSeek-V3.2-Exp", "deepseek-v3.2"),
        ("Qwen/Qwen3-32B-AWQ", "qwen3-32b"),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", "qwen3-235b-a22b"),
        ("nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8", "llama-4-maverick-17b-128e"),
        ("nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-NVFP4", "nemotron-3-super-120b-a12b"),
        ("RedHatAI/gemma-3-27b-it-quantized.w4a16", "gemma-3-27b"),
        ("nvidia/Kimi-K2.5-NVFP4", "kimi-k2.5"),
        ("Llama-3.x-70B (as the source writes it)", "llama-3.3-70b"),
    ],
)
def test_a_checkpoint_of_another_precision_is_the_same_model(written: str, name: str) -> None:
    assert model(written).name == name


def test_names_that_differ_by_more_than_precision_stay_different_models() -> None:
    assert model("deepseek-ai/DeepSeek-R1-Distill-Llama-70B").name == "deepseek-r1-distill-llama-70b"
    assert model("mistralai/Mistral-7B-Instruct-v0.2").architecture.attention[0].window_tokens is None
    assert model("mistralai/Mistral-7B-v0.1").architecture.attention[0].window_tokens == 4096


@pytest.mark.parametrize("wrong", ["llamma-3.3-70b", "llama-3.3-70bb", "nvidia/Llamma-3.3-70B-Instruct-FP8"])
def test_an_unknown_name_gets_suggestions(wrong: str) -> None:
    with pytest.raises(files.UnknownName) as error:
        model(wrong)
    assert "llama-3.3-70b" in error.value.suggestions
    assert wrong in str(error.value)


@pytest.mark.parametrize(
    "odd", ["", " ", "-", "..", "../../etc/passwd", "a\0b", "a/b\0.json", "x" * 5000, "~nobody/x.json", "(", "%"]
)
def test_an_odd_name_is_an_error_and_not_a_crash(odd: str) -> None:
    with pytest.raises(UserError):
        model(odd)


def test_a_catalogue_name_reads_exactly_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    text = files.file_text
    files._load.cache_clear()
    model.__globals__["_find"].cache_clear()
    model.__globals__["_build"].cache_clear()
    monkeypatch.setattr(files, "file_text", lambda path: (read.append(path), text(path))[1])
    model("llama-3.3-70b")
    assert [path.name for path in read] == ["llama-3.3-70b.yaml"]


def test_every_model_of_the_measured_table_resolves() -> None:
    if not DEV.is_file():
        pytest.skip(f"{DEV.name} is not beside the checkout")
    with DEV.open(newline="", encoding="utf-8") as table:
        names = {row[key] for row in csv.DictReader(table) for key in ("model", "hf_model")} - {""}
    for name in names:
        assert parameters(model(name).architecture).total > 1e8


def test_the_gpt4_estimate_refuses_to_be_planned_and_names_the_textbook_entry() -> None:
    with pytest.raises(MissingFigure, match="gpt-4-textbook"):
        model("gpt-4")


def test_the_textbook_model_has_the_tutorials_sizes_and_total() -> None:
    arch = model("gpt-4-textbook").architecture
    assert (arch.layers, arch.hidden, arch.attention[0].heads, arch.attention[0].kv_heads) == (120, 16384, 128, 128)
    assert parameters(arch).total == parameters(arch).active == 1.76e12
    assert not model("gpt-4-textbook").official


@pytest.mark.parametrize("mapping", [TINY, {"name": "mine", **TINY}, {"name": "mine", "shape": TINY}])
def test_a_model_can_be_written_out_inline(mapping: dict[str, object]) -> None:
    arch = model(mapping).architecture
    # embedding and head 2 x 64,000; a layer: attention 64 x (64 + 2 x 32 + 64), MLP 3 x 64 x 128, two norms; last norm
    assert parameters(arch).total == 2 * 64_000 + 2 * (64 * 192 + 3 * 64 * 128 + 2 * 64) + 64


def test_inline_values_may_be_yaml_text() -> None:
    text = {key: str(value) for key, value in TINY.items()}
    assert model({**text, "tied_embeddings": "yes"}).architecture.tied_embeddings
    assert model(text).architecture.hidden == 64


def test_an_inline_hugging_face_config_is_read_as_one() -> None:
    config = {
        "model_type": "llama",
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "vocab_size": 1000,
        "max_position_embeddings": 512,
    }
    assert model(config).architecture.attention[0].kv_heads == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layres": 3}, "layres: unknown key (did you mean 'layers'?)"),
        ({"layers": None}, "layers: missing"),
        ({"hidden": "wide"}, "hidden: 'wide' is not a whole number"),
        ({"hidden": -1}, "hidden: -1 is outside"),
        ({"hidden": 1e30}, "hidden: 1e+30 is outside"),
        ({"hidden": float("nan")}, "hidden: nan is not a whole number"),
        ({"kv_heads": 3}, "kv_heads: 3 does not divide heads (4)"),
        ({"native_weights": "fp7"}, "native_weights: 'fp7' is not one of"),
        ({"tied_embeddings": "perhaps"}, "tied_embeddings: 'perhaps' is neither yes nor no"),
        ({"moe": {"experts": 4, "active": 8, "intermediate": 8}}, "moe.active: 8 experts of 4"),
        ({"moe": 3}, "moe: 3 is not a mapping"),
        ({"attention": [{"layers": 3}]}, "attention: 3 attention and recurrent layers in a model of 2"),
        ({"attention": []}, "attention: no layer is left"),
        ({"attention": [{"layers": 2, "window": 8, "chunk": 8}]}, "a window or a chunk, not both"),
        ({"recurrent": {"kind": "wave", "layers": 1}}, "recurrent.kind: 'wave' is not one of"),
    ],
)
def test_a_malformed_inline_model_names_the_key(change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as error:
        model({**TINY, **change})
    assert message in str(error.value)


def test_all_faults_of_an_inline_model_come_together() -> None:
    with pytest.raises(UserError) as error:
        model({**TINY, "layers": 0, "vocab": "many", "heads": -4})
    assert len(str(error.value).splitlines()) >= 3


def test_a_users_own_folder_adds_and_replaces_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    body = (
        "name: mine\ntitle: Mine\nsources:\n  me: {kind: own, title: my notes, read: 2026-01-01}\nshape:\n  from: me\n"
    )
    (tmp_path / "models" / "mine.yaml").write_text(body + "".join(f"  {k}: {v}\n" for k, v in TINY.items()))
    monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path))
    assert model("mine").architecture.vocab == 1000
    assert model("llama-3.3-70b").architecture.layers == 80


def test_a_config_beside_the_scenario_is_found_from_its_folder(tmp_path: Path) -> None:
    config = {
        "model_type": "llama",
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "vocab_size": 1000,
        "max_position_embeddings": 512,
    }
    (tmp_path / "my-model").mkdir()
    (tmp_path / "my-model" / "config.json").write_text(json.dumps(config))
    by_file = model("my-model/config.json", base=tmp_path)
    by_folder = model("./my-model", base=tmp_path)
    assert by_file.name == by_folder.name == "my-model"
    assert by_file.architecture == by_folder.architecture
