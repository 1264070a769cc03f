"""What users saw, request by request, whichever pools served them."""

from dataclasses import dataclass

import numpy as np

from capplan.engine.steptimes import StepTimes
from capplan.simulate.requests import Floats, Ints
from capplan.simulate.run import Run


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
        alone_s=alone_s(run.times, source.prompt_tokens, source.output_tokens),
        output_tokens=source.output_tokens,
        class_index=source.class_index,
        classes=source.classes,
    )


def alone_s(times: StepTimes, prompt_tokens: Ints, output_tokens: Ints, beside: int = 1) -> Floats:
    """Time to answer of a request alone on a replica, without a prefix cache; shape of the token counts.

    beside: requests of the same query that run with it to its end, itself included, and are as long as it is.
    """
    n = min(beside, times.max_sequences)
    chunks = -(-prompt_tokens // times.max_batched_tokens)
    prefill_s = chunks * (times.prefill_fixed_s + times.decode_base_s[0])
    prefill_s = prefill_s + times.arrival_s + times.request_s + prompt_tokens * times.prefill_s_per_token
    prefill_s = prefill_s + prompt_tokens.astype(np.float64) ** 2 / 2 * times.prefill_s_per_token_context
    steps = output_tokens - 1
    read_tokens = steps * (prompt_tokens + 1.0) + steps * (steps - 1.0) / 2
    decode_s = steps * times.decode_base_s[n] + n * read_tokens * times.decode_slope_s_per_token[n]
    result: Floats = prefill_s + decode_s
    return result
