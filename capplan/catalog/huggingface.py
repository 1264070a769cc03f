"""Read a Hugging Face `config.json` into the `shape:` mapping of a model file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from capplan.catalog.architecture import Architecture
from capplan.catalog.fields import Fields
from capplan.catalog.hf_attention import Shape, attention_shape
from capplan.catalog.hf_conventions import CONVENTIONS, OMITTED, SAME_AS, Convention
from capplan.catalog.hf_families import FAMILIES, FOREIGN_KEYS, OLD_NAMES, widths
from capplan.catalog.shape import architecture
from capplan.errors import UserError
from capplan.reading import parse_json, read_text

LARGEST_CONFIG_BYTES = 4 << 20


@dataclass(frozen=True)
class Imported:
    """A config as the catalogue's `shape:` mapping, and what had to be assumed to read it."""

    model_type: str
    shape: Shape
    assumptions: tuple[str, ...] = ()


def architecture_from_config(config: Mapping[str, object], name: str, where: str = "config.json") -> Architecture:
    """The architecture that a config describes; `where` names the file in errors.

    Raises UserError naming every key that is missing, of the wrong type or out of bounds.

    >>> small = {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4,
    ...          "num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 1000, "max_position_embeddings": 512}
    >>> architecture_from_config(small, "tiny").attention[0].head_dim
    16
    """
    return architecture(name, Fields(shape_from_config(config, where).shape, where))


def shape_from_config(config: Mapping[str, object], where: str = "config.json") -> Imported:
    """The `shape:` mapping of a config, keys in the catalogue's words, defaults left out."""
    text = _language_part(config)
    fields = Fields(text, where)
    model_type, convention, assumptions = _family(fields, text)
    shape: Shape = {
        "layers": fields.whole("num_hidden_layers", most=10_000),
        "hidden": fields.whole("hidden_size"),
        "vocab": fields.whole("vocab_size"),
        "tied_embeddings": fields.flag("tie_word_embeddings", convention.tied),
        "max_context": fields.whole("max_position_embeddings", default=2048 if model_type == "falcon" else None),
        "native_weights": _native_weights(text),
        **attention_shape(fields, convention, model_type),
        **widths(fields, convention, model_type),
        "norms_per_layer": convention.norms_per_layer,
        "norm_bias": convention.norm_bias,
        "mtp_layers": _prediction_layers(fields),
    }
    if model_type in FAMILIES:
        FAMILIES[model_type](fields, shape)
    fields.finish()
    return Imported(model_type, _without_defaults(shape), assumptions)


def read_config(path: Path) -> Mapping[str, object]:
    """A config.json (or the folder that holds one) as a mapping; raises UserError naming the file.

    A `hf_quant_config.json` beside it, where NVIDIA's checkpoints keep their precision, is read too.
    """
    file = path / "config.json" if path.suffix != ".json" else path
    config = _read_json(file)
    beside = file.with_name("hf_quant_config.json")
    if config.get("quantization_config") is None and beside != file and beside.is_file():
        return {**config, "quantization_config": _read_json(beside).get("quantization")}
    return config


def _read_json(file: Path) -> Mapping[str, object]:
    content = parse_json(read_text(file, LARGEST_CONFIG_BYTES), file, lenient=True)
    if not isinstance(content, Mapping):
        raise UserError(f"{file}: not a config.json: its top level is a {type(content).__name__}, not an object")
    return content


def _language_part(config: Mapping[str, object]) -> dict[str, object]:
    """The text model of a vision-language config, old spellings of keys renamed to today's."""
    inner = next((config[k] for k in ("text_config", "llm_config") if isinstance(config.get(k), Mapping)), None)
    text: dict[str, object] = dict(inner) if isinstance(inner, Mapping) else dict(config)
    for key in ("tie_word_embeddings", "quantization_config", "torch_dtype", "dtype", "model_type"):
        if key in config:
            text.setdefault(key, config[key])
    listed = text.get("layers_block_type")
    if isinstance(listed, list) and text.get("num_hidden_layers") is None:
        text["num_hidden_layers"] = len(listed)
    for old, new in OLD_NAMES.items():
        if text.get(old) is not None and text.get(new) is None:
            text[new] = text[old]
    written = str(text.get("model_type"))
    return {**OMITTED.get(SAME_AS.get(written, written), {}), **text}


def _family(fields: Fields, text: Mapping[str, object]) -> tuple[str, Convention, tuple[str, ...]]:
    written = fields.word("model_type", default="unnamed")
    model_type = SAME_AS.get(written, written)
    if model_type in CONVENTIONS:
        return model_type, CONVENTIONS[model_type], ()
    if foreign := next((key for key in FOREIGN_KEYS if text.get(key)), None):
        fields.fault("model_type", f"'{written}' is not modelled (its '{foreign}' changes what a layer is)")
        fields.finish()
    return model_type, Convention(), (f"model_type '{written}' is not known; its config.json was read like Llama's",)


def _prediction_layers(fields: Fields) -> int:
    keys = ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules")
    return max((fields.whole(key, default=0, least=0, most=100) for key in keys if fields.has(key)), default=0)


def _native_weights(text: Mapping[str, object]) -> str:
    """The precision of the checkpoint's linear layers; 16 and 32 bit both count as bf16, which engines load."""
    quantization = text.get("quantization_config")
    if not isinstance(quantization, Mapping):
        return "bf16"
    words = " ".join(str(quantization.get(k, "")) for k in ("quant_method", "quant_algo", "format")).lower()
    groups = str(quantization.get("config_groups", "")).lower().replace("'", "")
    everything = f"{words} {groups}"
    bits = quantization.get("bits") or ("4" if "num_bits: 4" in groups else "8" if "num_bits: 8" in groups else "")
    if "mxfp4" in everything:
        return "mxfp4"
    if "nvfp4" in everything or ("type: float" in groups and bits == "4"):
        return "nvfp4"
    if text.get("expert_dtype") == "fp4":  # DeepSeek-V4: blocks of 32 with a power-of-two scale
        return "mxfp4"
    if "fp8" in words or "type: float" in groups or "mixed_precision" in words:
        return "fp8"
    return {"4": "int4", "8": "int8"}.get(str(bits), "int4" if "awq" in words or "gptq" in words else "bf16")


def _without_defaults(shape: Shape) -> Shape:
    """Leave out what the reader of a shape would assume anyway, so that a written file stays short."""
    silent = {"norms_per_layer": 2, "mlp_matrices": 3, "matrices": 3}
    kept: Shape = {}
    for key, value in shape.items():
        if isinstance(value, Mapping):
            value = _without_defaults(dict(value))
        elif isinstance(value, list) and key in ("attention", "mlp"):
            value = [_without_defaults(dict(item)) for item in value]
        if value is None or value is False or silent.get(key) == value or (key == "mtp_layers" and value == 0):
            continue
        if key in ("shared_intermediate", "extra_parameters") and value == 0:
            continue
        kept[key] = value
    return kept
