"""Who serves the requests of one model: the same replicas from prompt to answer, or two pools one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from capplan.engine.steptimes import Link, StepTimes, compressed
from capplan.simulate.policy import Policy
from capplan.simulate.requests import Floats, Ints


@dataclass(frozen=True)
class Readers:
    """Replicas that only read prompts (disaggregated), and the link over which each sends their KV to those that
    decode."""

    times: StepTimes
    policy: Policy
    link: Link


@dataclass(frozen=True)
class Station:
    """Replicas of one model, and whether a query's later requests find there what its earlier ones read.

    readers: the prefill pool, where it is apart; the others then only decode. What they have written is taken to be
    back where prompts are read by the query's next request, as far as the KV cache of the readers holds it.
    """

    times: StepTimes
    policy: Policy
    caches: bool = False
    readers: Readers | None = None

    @property
    def replicas(self) -> tuple[int, ...]:
        """By pool, those that read prompts before those that decode."""
        return (self.policy.replicas,) if self.readers is None else (self.readers.policy.replicas, self.policy.replicas)

    def of(self, replicas: Sequence[int]) -> "Station":
        """The same with other numbers of replicas, given as `replicas` has them."""
        readers = self.readers
        if readers is not None:
            readers = replace(readers, policy=replace(readers.policy, replicas=replicas[0]))
        return replace(self, policy=replace(self.policy, replicas=replicas[-1]), readers=readers)

    def compressed(self, keep: float) -> "Station":
        """The same with a share of each sequence's KV kept, see `steptimes.compressed`; all of it is handed over."""
        readers = self.readers and replace(self.readers, times=compressed(self.readers.times, keep))
        return replace(self, times=compressed(self.times, keep), readers=readers)

    def alone_s(self, prompt_tokens: Ints, output_tokens: Ints, beside: int = 1) -> Floats:
        """Time to answer of a request alone, without a prefix cache; shape of the token counts.

        beside: requests of the same query that run with it to its end, itself included, and are as long as it is.
        Where a cache is handed over, its first token is a step of its own.
        """
        if self.readers is None:
            front_s, context, steps = read_s(self.times, prompt_tokens), prompt_tokens + 1, output_tokens - 1
        else:
            sent_s: Floats = self.readers.link.time_s(prompt_tokens)
            front_s, context, steps = read_s(self.readers.times, prompt_tokens) + sent_s, prompt_tokens, output_tokens
        return front_s + written_s(self.times, context, steps, beside)


def read_s(times: StepTimes, prompt_tokens: Ints) -> Floats:
    """From sending a prompt to the end of the step that completes it, alone on a replica; shape of the tokens."""
    chunks = -(-prompt_tokens // min(times.max_batched_tokens, times.max_prompt_tokens))
    prefill_s = chunks * (times.prefill_fixed_s + times.decode_base_s[0])
    prefill_s = prefill_s + times.arrival_s + times.request_s + prompt_tokens * times.prefill_s_per_token
    per_context_s = times.ranks * times.prefill_s_per_token_context  # the other ranks stand idle
    result: Floats = prefill_s + prompt_tokens.astype(np.float64) ** 2 / 2 * per_context_s
    return result


def written_s(times: StepTimes, context_tokens: Ints, steps: Ints, beside: int) -> Floats:
    """So many decode steps from a context, `beside` sequences at once; shape of the token counts."""
    n = min(beside, times.max_sequences)
    read_tokens = steps * (context_tokens * 1.0) + steps * (steps - 1.0) / 2
    result: Floats = steps * times.decode_base_s[n] + n * read_tokens * times.decode_slope_s_per_token[n]
    return result
