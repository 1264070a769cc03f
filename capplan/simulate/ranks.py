"""Attention ranks of a replica, which read prompts side by side: who waits for pages that another one reads."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capplan.simulate.batch import Batch


class Ranks:
    """The order in which prompts that begin alike are read; of one rank it is that of their coming."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._behind: dict[
            int, tuple[int, int, int]
        ] = {}  # slots that wait: for whose slot and request, how many tokens

    def line_up(self, batch: Batch, slot: int, cached: int) -> None:
        """A prompt, of which so many tokens are on pages that somebody has read or begun to read, joins those read."""
        self._behind.pop(slot, None)
        pages, cache = batch.ledger.pages, batch.cache
        if self.count == 1 or cache is None or pages is None or not cached:
            return
        own = pages[batch.tenant[slot]]
        ends = itertools.accumulate(cache.held_blocks([page]) * batch.blocks.block for page in own)
        last = next((page for page, end in zip(own, ends, strict=True) if end >= cached), None)
        for reader in batch.prefilling:
            if last is not None and last in pages[batch.tenant[reader]]:
                self._behind[slot] = (reader, batch.tenant[reader], cached)
                return

    def waits(self, batch: Batch, slot: int) -> bool:
        """Whether the slot's pages are still being read after the step that is composed."""
        if slot not in self._behind:
            return False
        reader, request, tokens = self._behind[slot]
        if batch.tenant[reader] != request or reader not in batch.prefilling:
            return False
        return batch.prefilled[reader] + dict(batch.chunks).get(reader, 0) < tokens

    def unshared(self, attended: float, most: float) -> float:
        """Tokens times context that count beside `attended`, the sum over ranks, as one has `most` of them."""
        return max(self.count * most - attended, 0.0)
