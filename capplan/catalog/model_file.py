"""Write a model read from a Hugging Face config as a catalogue file that people can read and add to."""

import json
import re
from collections.abc import Mapping

from capplan.catalog.huggingface import Imported

# Sizes first, then attention, then the MLPs, then everything that is rarely looked at.
_ORDER = (
    *("layers", "hidden", "heads", "kv_heads", "head_dim", "v_head_dim", "mla", "index", "compression", "attention"),
    *("recurrent", "qkv_bias", "output_bias", "qk_norm", "gated_attention", "sinks"),
    *("intermediate", "mlp_matrices", "mlp_bias", "mlp", "moe", "vocab", "tied_embeddings", "max_context"),
    *("native_weights", "norms_per_layer", "norm_bias", "head_bias", "learned_positions", "extra_parameters"),
    "mtp_layers",
)
_PLAIN = re.compile(r"[A-Za-z][\w./+() -]*")
_LONGEST_LINE = 110


def model_yaml(name: str, imported: Imported, source: str, read: str) -> str:
    """The text of `configs/models/NAME.yaml`.

    source: where the config is from, in words; read: the day it was read, as YYYY-MM-DD.

    >>> from capplan.catalog.huggingface import shape_from_config
    >>> config = {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4,
    ...           "intermediate_size": 128, "vocab_size": 1000, "max_position_embeddings": 512}
    >>> print(model_yaml("tiny", shape_from_config(config), "my config.json", "2026-11-21"))
    name: tiny
    title: tiny
    aliases: []
    sources:
      config: {kind: config, title: my config.json, read: 2026-11-21}
    shape:
      from: config
      layers: 2
      hidden: 64
      heads: 4
      kv_heads: 4
      head_dim: 16
      intermediate: 128
      vocab: 1000
      max_context: 512
      native_weights: bf16
    <BLANKLINE>
    """
    lines = [
        f"name: {_text(name)}",
        f"title: {_text(name)}",
        "aliases: []",
        "sources:",
        f"  config: {{kind: config, title: {_text(source)}, read: {read}}}",
        *(f"# {assumption}" for assumption in imported.assumptions),
        "shape:",
        "  from: config",
    ]
    for key in (*_ORDER, *sorted(imported.shape.keys() - set(_ORDER))):
        if key in imported.shape:
            lines += _entry(key, imported.shape[key])
    return "\n".join(lines) + "\n"


def _entry(key: str, value: object) -> list[str]:
    if isinstance(value, list) and value:
        return [f"  {key}:", *(f"    - {_value(item)}" for item in value)]
    if isinstance(value, Mapping) and len(_value(value)) > _LONGEST_LINE - len(key):
        return [f"  {key}:", *(f"    {inner}: {_value(item)}" for inner, item in value.items())]
    return [f"  {key}: {_value(value)}"]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return str(value)


def _text(text: str) -> str:
    """Plain where YAML allows it without doubt, else in double quotes, whose escapes are JSON's.

    What UTF-8 cannot hold, as names of files may, is spelled out.
    """
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
