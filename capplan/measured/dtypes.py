"""Precisions as benchmark authors write them, and what an engine does where a row leaves them blank."""

import re
from functools import lru_cache

from capplan.engine.excuse import Assumption
from capplan.measured.assume import assume
from capplan.measured.names import Unresolved

_SPELLINGS = {
    "bf16": "bf16 fp16 float16 bfloat16 half f16 16bit 16-bit none auto unquantized",
    "fp8": "fp8 float8 f8 e4m3 fp8_e4m3 fp8-e4m3 fp8_e5m2 fp8_tensor fp8-dynamic fp8_dynamic w8a8_fp8 w8a8-fp8 w8a8fp8 "
    "fp8_per_tensor fp8-kv ptpc_fp8 modelopt fp8_ootb mxfp8",
    "fp8_block": "fp8_block fp8-block block_fp8 fp8_blockwise fp8_w8a8_block",
    "nvfp4": "nvfp4 modelopt_fp4 w4a4_nvfp4 nvfp4_mixed",
    "mxfp4": "mxfp4 mx_fp4 w4a4_mxfp4 w4a8_mxfp4_mxfp8 w4a16_mxfp4 quark mxfp4_moe",
    "int8": "int8 w8a8 w8a16 int8_wo int8wo sq smoothquant w8a8_int8 bitsandbytes-int8 q8_0 llm.int8 uint8",
    "int4": "int4 uint4 awq awq-int4 awq_int4 gptq gptq-int4 gptq_int4 gptq-4bit w4a16 int4_wo int4wo w4a8 w4afp8 "
    "w4a8_fp8 int4_awq awq_marlin gptq_marlin 4bit 4-bit bnb-nf4 nf4 bitsandbytes q4_0 q4_1 q4_k_m q4_k_s q4_k iq4_xs",
}
_WEIGHTS = {spelling: dtype for dtype, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_KV = {
    **dict.fromkeys(("bf16", "fp16", "float16", "bfloat16", "half", "16bit"), "bf16"),
    **dict.fromkeys(("fp8", "fp8_e4m3", "fp8_e5m2", "e4m3", "e5m2", "float8", "fp8_inc", "fp8_ds_mla"), "fp8"),
    **dict.fromkeys(("int8", "q8_0", "turboquant"), "int8"),
    **dict.fromkeys(("fp4", "nvfp4", "int4", "q4_0"), "fp4"),
}
_AUTO = frozenset({"", "auto", "default", "none", "unknown"})
# Checkpoint names and what they hold; the first that occurs wins.
_CHECKPOINTS = (
    (re.compile(r"nvfp4|fp4", re.IGNORECASE), "fp4"),
    (re.compile(r"mxfp4", re.IGNORECASE), "mxfp4"),
    (re.compile(r"awq|gptq|int4|w4a16|4bit", re.IGNORECASE), "int4"),
    (re.compile(r"w8a8|int8", re.IGNORECASE), "int8"),
    (re.compile(r"fp8", re.IGNORECASE), "fp8"),
)
# Publishers whose FP8 checkpoints are scaled in blocks of 128 x 128, not by tensor or channel.
_BLOCK_SCALED = ("qwen/", "deepseek-ai/", "minimaxai/", "zai-org/", "moonshotai/", "stepfun-ai/")


@lru_cache(maxsize=2048)
def weights(written: str, checkpoint: str, native: str, vendor: str) -> tuple[str, Assumption | None]:
    """The weights' dtype in the catalogue's words, and how a blank or a vague word was read.

    written: the cell; checkpoint: the Hugging Face id; native: what the model is published in. Raises Unresolved for a
    word that is none of the known ones.

    >>> weights("awq-int4", "", "bf16", "NVIDIA")[0], weights("", "Qwen/Qwen3-32B-FP8", "bf16", "NVIDIA")[0]
    ('int4', 'fp8_block')
    """
    word = written.casefold().strip()
    if word in _AUTO - {"none"}:
        return _blank_weights(checkpoint, native, vendor)
    if word == "fp4":
        dtype = four_bit(checkpoint, native, vendor)
        return dtype, assume("weight_dtype", dtype, "the row says fp4 without its flavour; the chip's usual one")
    if word not in _WEIGHTS:
        raise Unresolved(f"weight_dtype '{written}' is not known; write one of bf16, fp8, nvfp4, mxfp4, int8, int4")
    dtype = _WEIGHTS[word]
    if dtype == "fp8" and _is_block_scaled(checkpoint):
        return "fp8_block", None
    return dtype, None


def four_bit(checkpoint: str, native: str, vendor: str) -> str:
    """Which 4-bit float a bare `fp4` is: the model's own, else the vendor's."""
    if native == "mxfp4" or "mxfp4" in checkpoint.casefold() or vendor.casefold() == "amd":
        return "mxfp4"
    return "nvfp4"


@lru_cache(maxsize=2048)
def kv_cache(
    written: str, engine: str, dtype: str, convention: str | None, source: str
) -> tuple[str, Assumption | None]:
    """The KV cache's dtype, and how a blank was filled.

    convention: what the benchmark is known to set, with its source; else the engine's own choice: TensorRT-LLM keeps
    fp8 keys and values for fp8 and nvfp4 checkpoints (ModelOpt calibrates them), vLLM and SGLang 16 bit.

    >>> kv_cache("", "trtllm", "fp8", None, "")[0], kv_cache("", "vllm", "fp8", None, "")[0]
    ('fp8', 'bf16')
    """
    word = written.casefold().strip()
    if word not in _AUTO:
        if word not in _KV:
            raise Unresolved(f"kv_dtype '{written}' is not known; write one of bf16, fp8, int8")
        return _KV[word], None
    if convention:
        return convention, assume("kv_dtype", convention, source, "catalogue")
    if engine == "trtllm" and dtype in ("fp8", "fp8_block", "nvfp4"):
        return "fp8", assume("kv_dtype", "fp8", "TensorRT-LLM keeps fp8 keys and values for fp8 and nvfp4 checkpoints")
    return "bf16", assume("kv_dtype", "bf16", f"{engine}'s default is the model's own 16 bit")


def _blank_weights(checkpoint: str, native: str, vendor: str) -> tuple[str, Assumption]:
    for pattern, dtype in _CHECKPOINTS:
        if pattern.search(checkpoint):
            if dtype == "fp4":
                dtype = four_bit(checkpoint, native, vendor)
            if dtype == "fp8" and _is_block_scaled(checkpoint):
                dtype = "fp8_block"
            return dtype, assume("weight_dtype", dtype, f"from the checkpoint's name, {checkpoint}")
    return native, assume("weight_dtype", native, "what the model is published in", "catalogue")


def _is_block_scaled(checkpoint: str) -> bool:
    return checkpoint.casefold().startswith(_BLOCK_SCALED) and "fp8" in checkpoint.casefold()
