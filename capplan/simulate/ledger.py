"""What a run reads and writes for each request, in the plain lists and arrays that a tight loop is fastest on."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from capplan.simulate.policy import Policy
from capplan.simulate.requests import Floats, Ints, Requests


@dataclass
class Ledger:
    """The columns of the requests by index, and their results as the replicas find them.

    cached: leading prompt tokens found in the prefix cache where a ratio says so (None: none are).
    ranks: priority of each request (None: all equal). weights: what a request adds to its replica's outstanding.
    page_blocks, leaves: as those of the requests. finished: told of every request that is done, and when.
    handed_over: requests come with the KV of their prompts. answer_step: the replica's step number at the end of which
    the first answer token is out.
    """

    prompt: list[int]
    output: list[int]
    thinking: list[int]
    cached: list[int] | None
    ranks: list[int] | None
    weights: list[int] | None
    pages: Sequence[tuple[int, ...]] | None
    page_blocks: Mapping[int, int]
    leaves: Mapping[int, int]
    outstanding: list[int]
    admitted_s: "array[float]"
    first_s: "array[float]"
    done_s: "array[float]"
    answer_step: "array[int]"
    replica: "array[int]"
    preemptions: dict[int, int] = field(default_factory=dict)
    finished: Callable[[int, float], None] | None = None
    handed_over: bool = False


def ledger(
    requests: Requests, policy: Policy, block_tokens: int, weights: Ints | None, handed_over: bool = False
) -> Ledger:
    """An empty ledger for the requests."""
    count = len(requests)
    cached = None
    if policy.prefix_hit_ratio:
        blocks = np.floor(policy.prefix_hit_ratio * requests.prompt_tokens / block_tokens).astype(np.int64)
        cached = np.minimum(blocks * block_tokens, requests.prompt_tokens - 1).tolist()
    ranks = None
    if len(set(policy.priorities)) > 1:
        ranks = np.asarray(policy.priorities, dtype=np.int64)[requests.class_index].tolist()
    pages = requests.pages
    if pages is not None and not requests.page_blocks:
        page = policy.prefix_page_tokens
        # A page is shared only where the prompt fills it: traces hash the last, partial page too.
        lengths = requests.prompt_tokens.tolist()
        pages = [ids[: length // page] for ids, length in zip(pages, lengths, strict=True)]
    return Ledger(
        prompt=requests.prompt_tokens.tolist(),
        output=requests.output_tokens.tolist(),
        thinking=requests.thinking_tokens.tolist(),
        cached=cached,
        ranks=ranks,
        weights=None if weights is None else weights.tolist(),
        pages=pages,
        page_blocks=requests.page_blocks,
        leaves=requests.leaves,
        outstanding=[0] * policy.replicas,
        admitted_s=array("d", bytes(8 * count)),
        first_s=array("d", bytes(8 * count)),
        done_s=array("d", bytes(8 * count)),
        answer_step=array("q", bytes(8 * count)),
        replica=array("q", bytes(8 * count)),
        handed_over=handed_over,
    )


class Timeline:
    """When each step of a replica ended: one record a stretch of steps, in which a step is longer than the last.

    Steps start[k] + j of stretch k end at begin_s[k] + j * first_s[k] + j (j - 1) / 2 * growth_s[k].
    """

    __slots__ = ("begin_s", "first_s", "growth_s", "start")

    def __init__(self) -> None:
        self.start = array("d")
        self.begin_s = array("d")
        self.first_s = array("d")
        self.growth_s = array("d")

    def end_s(self, steps: Ints) -> Floats:
        """Times at which the steps with these numbers (from 1) ended, in any order."""
        start = np.frombuffer(self.start)
        # The last stretch that began before the step: an idle gap begins a new stretch at the same step number.
        stretch = np.searchsorted(start, steps, side="left") - 1
        j = steps - start[stretch]
        first, growth = np.frombuffer(self.first_s)[stretch], np.frombuffer(self.growth_s)[stretch]
        result: Floats = np.frombuffer(self.begin_s)[stretch] + j * first + j * (j - 1) / 2 * growth
        return result
