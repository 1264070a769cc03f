"""What users saw, request by request, whichever pools served them."""

from dataclasses import dataclass

import numpy as np

from capplan.simulate.requests import Floats, Ints
from capplan.simulate.result import Run
from capplan.simulate.station import Station


@dataclass(frozen=True)
class Outcome:
    """Latencies in order of arrival, columns of shape (N,).

    ttft_s, ttfo_s, tta_s: from arrival to the first token, the first answer token and the last token.
    itl_s: mean time between the output tokens of a request after its first, NaN where there is one token only.
    wait_s: in the queue, until admission to a batch. alone_s: tta_s had the request had a replica for itself.
    """

    arrival_s: Floats
    ttft_s: Floats
    ttfo_s: Floats
    itl_s: Floats
    tta_s: Floats
    wait_s: Floats
    alone_s: Floats
    output_tokens: Ints
    class_index: Ints
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.arrival_s)


def outcome(run: Run) -> Outcome:
    """The outcome of one pool."""
    source = run.requests
    gaps = source.output_tokens - 1
    itl_s = np.full(len(source), np.nan)
    np.divide(run.done_s - run.first_s, gaps, out=itl_s, where=gaps > 0)
    return Outcome(
        arrival_s=source.arrival_s,
        ttft_s=run.first_s - source.arrival_s,
        ttfo_s=run.answer_s - source.arrival_s,
        itl_s=itl_s,
        tta_s=run.done_s - source.arrival_s,
        wait_s=run.admitted_s - source.arrival_s - run.times.arrival_s,
        alone_s=Station(run.times, run.policy).alone_s(source.prompt_tokens, source.output_tokens),
        output_tokens=source.output_tokens,
        class_index=source.class_index,
        classes=source.classes,
    )
