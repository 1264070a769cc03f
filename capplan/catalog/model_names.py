"""The spellings under which one model is known: checkpoints of other precisions, folders, chat versions."""

import re
from collections.abc import Iterator

# What checkpoints append for their precision or format; the shape stays the same.
_QUANTIZATION = re.compile(
    r"""[-_.\s](
        (nv|mx)?fp[468](e4m3|e5m2)?([-_.]?v\d+)? | bf16 | fp16 | u?int[48] | nf4 | w\d+a\d+(kv\d+)?(fp8)?
        | awq | gptq | gguf | marlin | bnb([-_]4bit)? | [348]bit | exl[23] | hqq | quark | q\d(_[\dkmsl]+)*
        | dynamic | static | block | per[-_]?tensor | channel | kv | g\d+ | a?sym | quantized | qat | autoround
    )$""",
    re.IGNORECASE | re.VERBOSE,
)
# Versions of one model that share its shape.
_VERSION = re.compile(
    r"[-_.\s](instruct|chat|hf|it|pt|base|sft|dpo|thinking|preview|latest|v\d+(\.\d+)?|\d{4})$", re.IGNORECASE
)
_PREFIX = re.compile(r"^(meta|nvidia|amd|openai|google|mistralai|qwen)[-_\s]+(?=\S)", re.IGNORECASE)
_NOTE = re.compile(r"\s*[(\[].*$", re.DOTALL)


def candidates(reference: str) -> Iterator[str]:
    """Ever plainer spellings of a reference, the written one first, none twice.

    >>> list(candidates("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic"))[-2:]
    ['Llama-3.3-70B-Instruct', 'Llama-3.3-70B']
    """
    seen: set[str] = set()
    text = reference.strip()
    for step in (_unchanged, _without_note, _without_folder):
        text = step(text)
        yield from _new(text, seen)
    for endings in ((_QUANTIZATION,), (_VERSION, _QUANTIZATION)):
        while (shorter := _shortened(text, endings)) != text:
            text = shorter
            yield from _new(text, seen)
    yield from _new(_PREFIX.sub("", text), seen)


def _new(text: str, seen: set[str]) -> Iterator[str]:
    if text and text not in seen:
        seen.add(text)
        yield text


def _unchanged(text: str) -> str:
    return text


def _without_note(text: str) -> str:
    """`Llama-3.x-70B (as the source writes it)` without the note."""
    return _NOTE.sub("", text)


def _without_folder(text: str) -> str:
    """The last part of a Hugging Face id or of a folder's path."""
    return text.rstrip("/").rsplit("/", 1)[-1]


def _shortened(text: str, endings: tuple[re.Pattern[str], ...]) -> str:
    """Without the first of the endings that it has."""
    return next((shorter for ending in endings if (shorter := ending.sub("", text)) != text), text)
