"""Speculative decoding as benchmark authors write it: `none`, `mtp`, `mtp3`, `eagle3-4`, `yes`."""

import re
from functools import lru_cache

from capplan.engine.excuse import Assumption
from capplan.measured.assume import assume

_NONE = frozenset({"", "none", "no", "false", "0", "off", "unknown", "n/a"})
_TOLD = re.compile(r"(mtp|eagle3|eagle|medusa|draft|ngram|lookahead)[-_ ]*(\d+)?", re.IGNORECASE)
_EAGLE_TOKENS = 3  # the common setting of vLLM, SGLang and TensorRT-LLM recipes
# MTP heads draft three tokens while the batch is small and one when it is not (TensorRT-LLM DeepSeek-R1 recipes).
_MTP_SMALL, _MTP_LARGE = 3, 1
MTP_SMALL_CLIENTS = 16.0  # clients an accelerator up to which three are drafted


@lru_cache(maxsize=1024)
def draft(written: str, model: str, clients_per_gpu: float | None) -> tuple[str, int, Assumption | None]:
    """(method, tokens drafted a step, note); ("", 0, None) without speculative decoding.

    >>> draft("mtp3", "deepseek-r1", None)[:2], draft("none", "", None)[:2]
    (('mtp', 3), ('', 0))
    """
    word = written.casefold().strip()
    if word in _NONE:
        return "", 0, None
    match = _TOLD.search(word)
    method = "eagle3" if match and match[1] == "eagle" else match[1] if match else _usual(model)
    if match and match[2] and method != "eagle3":
        return method, int(match[2]), None
    if match and match[2] and not (match[1] == "eagle" and match[2] == "3"):
        return method, int(match[2]), None
    tokens = _tokens(method, clients_per_gpu)
    return method, tokens, assume("spec_decode", f"{method}, {tokens} tokens", f"'{written}' does not tell how many")


def _usual(model: str) -> str:
    """The method that ships with a model: DeepSeek's and Qwen's multi-token heads, else a trained EAGLE-3 draft."""
    return "mtp" if model.startswith(("deepseek", "qwen3.5", "qwen3-next", "qwen-3.5", "glm", "kimi")) else "eagle3"


def _tokens(method: str, clients_per_gpu: float | None) -> int:
    if method != "mtp":
        return _EAGLE_TOKENS
    return _MTP_SMALL if clients_per_gpu is None or clients_per_gpu <= MTP_SMALL_CLIENTS else _MTP_LARGE
