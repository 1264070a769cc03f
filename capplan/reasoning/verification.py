"""The verifier's work: a separate model that reads what was written, at prefill rate."""

import numpy as np

from capplan.reasoning.demand import Demand, VerifierWork
from capplan.reasoning.normal import Values
from capplan.reasoning.options import Verifier

ITSELF = Verifier()


def whole_answers(verifier: Verifier, asked: Demand) -> VerifierWork:
    """Reads every finished sample once, the prompt once for all: one pass scores all steps of a trace.

    Outcome and process reward models read the same tokens; they differ in what they were trained to say.
    """
    own = asked.output_tokens / np.maximum(asked.samples, 1e-9)
    return VerifierWork(
        model=verifier.model,
        own_pool=verifier.own_pool,
        prefill_tokens=asked.prompt_tokens + asked.output_tokens,
        decode_tokens=asked.samples * verifier.decode_tokens,
        requests=asked.samples,
        passes=1.0,
        sequential_prefill_tokens=asked.prompt_tokens + own * asked.longest_factor,
        sequential_decode_tokens=verifier.decode_tokens,
    )


def nodes(
    verifier: Verifier, prompt_tokens: Values, step_tokens: Values, count: Values, levels: Values
) -> VerifierWork:
    """Reads every node of a search when it is written; what lies above a node is in the verifier's cache.

    count: nodes judged per query. levels: judgements one after another, each of which the search waits for.
    """
    return VerifierWork(
        model=verifier.model,
        own_pool=verifier.own_pool,
        prefill_tokens=prompt_tokens + count * step_tokens,
        decode_tokens=count * verifier.decode_tokens,
        requests=count,
        passes=levels,
        sequential_prefill_tokens=prompt_tokens + levels * step_tokens,
        sequential_decode_tokens=levels * verifier.decode_tokens,
    )
