"""KV blocks of the decoding sequences, counted without stepping them."""


class BlockCount:
    """How many KV blocks a set of sequences holds at any step, each growing by one token a step.

    A sequence that joined at step v0 with c tokens holds ceil((v + c - v0) / block) blocks at step v. With
    c - v0 = block * q + r, only the sum of the q and a histogram of the r are needed, whatever v is.

    >>> count = BlockCount(16)
    >>> count.add(30)  # 30 tokens at step 0
    >>> count.at(0), count.at(2), count.at(3)  # 30, 32 and 33 tokens
    (2, 2, 3)
    """

    __slots__ = ("block", "quotients", "remainders", "sequences")

    def __init__(self, block: int) -> None:
        self.block = block
        self.sequences = 0
        self.quotients = 0
        self.remainders = [0] * block

    def add(self, offset: int) -> None:
        """offset: the tokens of the sequence less the step number, which stays constant while it decodes."""
        block = self.block
        self.sequences += 1
        self.quotients += offset // block
        self.remainders[offset % block] += 1

    def remove(self, offset: int) -> None:
        """Forget a sequence that was added with this offset."""
        block = self.block
        self.sequences -= 1
        self.quotients -= offset // block
        self.remainders[offset % block] -= 1

    def at(self, step: int) -> int:
        """Blocks held at the step."""
        block = self.block
        whole, part = divmod(step, block)
        held = self.quotients + self.sequences * (whole + 1)
        if part == 0:
            return held - self.remainders[0]
        return held + sum(self.remainders[block - part + 1 :])
