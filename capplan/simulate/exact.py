"""The same state machine, one token at a time: the check on skipping ahead."""

from capplan.simulate.replica import Replica


class ExactReplica(Replica):
    """Steps every token, and counts context and KV blocks anew from the sequences at every step."""

    __slots__ = ()

    def used_blocks(self) -> int:
        """KV blocks in use, sequence by sequence."""
        block = self.times.kv_block_tokens
        used = sum(
            self.held[slot] or -(-(self.offset[slot] + self.step - self.shared[slot]) // block)
            for ranked in self.running
            for slot in ranked
        )
        return used if self.cache is None else used + self.cache.used_blocks

    def fit(self) -> None:
        """Preempt until the next step's KV fits."""
        while self.used_blocks() > self.capacity:
            self._preempt()

    def _plan(self) -> float:
        decoding = [slot for ranked in self.running for slot in ranked if self.stop_key[slot] >= 0]
        self.decoding = len(decoding)
        self.context = sum(self.offset[slot] + self.step for slot in decoding)
        return super()._plan()

    def _steps_alike(self, chunks: int) -> int:
        return 1
