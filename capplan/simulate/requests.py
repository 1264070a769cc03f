"""The requests of a run: when they come and how long they are, as columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from capplan.errors import UserError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Requests:
    """Requests in order of arrival; all columns have shape (N,).

    output_tokens: all tokens generated, thinking included, at least 1.
    thinking_tokens: those before the first answer token, 0 where the model answers at once.
    class_index: position in `classes`. pages: names of the leading prompt pages of each request, or None.
    page_blocks: KV blocks of pages by name; empty where all are as long as the policy says.
    leaves: by request, the page that its output makes.
    """

    arrival_s: Floats
    prompt_tokens: Ints
    output_tokens: Ints
    thinking_tokens: Ints
    class_index: Ints
    classes: tuple[str, ...] = ("all",)
    pages: Sequence[tuple[int, ...]] | None = None
    page_blocks: Mapping[int, int] = field(default_factory=dict)
    leaves: Mapping[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = _faults(self)
        if faults:
            raise UserError("requests: " + "; ".join(faults))

    def __len__(self) -> int:
        return len(self.arrival_s)


def requests(
    arrival_s: Sequence[float] | Floats,
    prompt_tokens: Sequence[int] | Ints | int,
    output_tokens: Sequence[int] | Ints | int,
    thinking_tokens: Sequence[int] | Ints | int = 0,
    class_index: Sequence[int] | Ints | int = 0,
    classes: tuple[str, ...] = ("all",),
    pages: Sequence[tuple[int, ...]] | None = None,
) -> Requests:
    """Requests from columns or constants, which are broadcast to the arrivals."""
    arrivals = np.asarray(arrival_s, dtype=np.float64)
    prompt, output, thinking, index = (
        np.broadcast_to(np.asarray(column, dtype=np.int64), arrivals.shape)
        for column in (prompt_tokens, output_tokens, thinking_tokens, class_index)
    )
    return Requests(arrivals, prompt, output, thinking, index, classes, pages)


def select(source: Requests, chosen: NDArray[np.bool_] | Ints, arrival_s: Floats | None = None) -> Requests:
    """The chosen requests, by a mask or by positions. arrival_s: new times for all N, in which those must ascend."""
    order = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
    pages = source.pages
    return Requests(
        arrival_s=(source.arrival_s if arrival_s is None else arrival_s)[order],
        prompt_tokens=source.prompt_tokens[order],
        output_tokens=source.output_tokens[order],
        thinking_tokens=source.thinking_tokens[order],
        class_index=source.class_index[order],
        classes=source.classes,
        pages=None if pages is None else [pages[index] for index in order.tolist()],
        page_blocks=source.page_blocks,
    )


def scaled_rate(source: Requests, factor: float) -> Requests:
    """The same requests arriving `factor` times as fast: gaps shrink, lengths and burstiness stay."""
    if not 0 < factor < np.inf:
        raise UserError(f"rate factor {factor}: give a number above 0")
    first_s = source.arrival_s[0] if len(source) else 0.0
    return replace(source, arrival_s=first_s + (source.arrival_s - first_s) / factor)


def between(source: Requests, start_s: float, end_s: float) -> Requests:
    """The requests that arrive in [start_s, end_s), counted from time 0, with start_s as the new time 0."""
    kept = select(source, (source.arrival_s >= start_s) & (source.arrival_s < end_s))
    return replace(kept, arrival_s=kept.arrival_s - start_s)


def _faults(columns: Requests) -> list[str]:
    faults = []
    arrival_s = columns.arrival_s
    shapes = {column.shape for column in (columns.prompt_tokens, columns.output_tokens, columns.class_index)}
    if shapes | {columns.thinking_tokens.shape} != {arrival_s.shape} or arrival_s.ndim != 1:
        return ["all columns must have one entry a request"]
    if columns.pages is not None and len(columns.pages) != len(arrival_s):
        faults.append(f"{len(columns.pages):,} lists of pages for {len(arrival_s):,} requests")
    if not len(arrival_s):
        return faults
    if not np.isfinite(arrival_s).all() or (np.diff(arrival_s) < 0).any():
        faults.append("arrival_s must be finite and in ascending order")
    if columns.prompt_tokens.min() < 1 or columns.output_tokens.min() < 1:
        faults.append("every request has at least 1 prompt token and 1 output token")
    if columns.thinking_tokens.min() < 0 or (columns.thinking_tokens >= columns.output_tokens).any():
        faults.append("thinking_tokens must lie between 0 and output_tokens - 1: an answer has at least one token")
    if columns.class_index.min() < 0 or columns.class_index.max() >= len(columns.classes):
        faults.append(f"class_index must lie in 0 .. {len(columns.classes) - 1}")
    return faults
