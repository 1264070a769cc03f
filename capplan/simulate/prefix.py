"""The prefix cache: prompts that begin alike share KV blocks and skip their prefill."""

from collections.abc import Mapping, Sequence


class PrefixCache:
    """Prompt pages by name, shared while in use and kept for later while there is room.

    blocks: KV blocks of each page that is not of the usual size; page_blocks: that size (a trace hashes prompts in
    pages of, say, 512 tokens). A page in use counts once however many sequences read it; one that nobody uses stays
    until its room is needed, the longest unused first, as vLLM and SGLang do.
    """

    __slots__ = ("_blocks", "_idle", "_idle_blocks", "_users", "page_blocks", "used_blocks")

    def __init__(self, page_blocks: int, blocks: Mapping[int, int]) -> None:
        self.page_blocks = page_blocks
        self.used_blocks = 0  # of the pages that running sequences use
        self._blocks = blocks
        self._users: dict[int, int] = {}
        self._idle: dict[int, None] = {}
        self._idle_blocks = 0

    def held_blocks(self, pages: Sequence[int]) -> int:
        """KV blocks of these pages."""
        blocks, usual = self._blocks, self.page_blocks
        return sum(blocks.get(page, usual) for page in set(pages))

    def hit_blocks(self, pages: Sequence[int]) -> int:
        """KV blocks of the leading pages that are present."""
        users, idle = self._users, self._idle
        found = 0
        for page in pages:
            if page not in users and page not in idle:
                break
            found += self._blocks.get(page, self.page_blocks)
        return found

    def new_blocks(self, pages: Sequence[int]) -> int:
        """KV blocks that `acquire` would bring into use; pages that only wait in the cache count as well."""
        users = self._users
        return self.held_blocks([page for page in pages if page not in users])

    def acquire(self, pages: Sequence[int]) -> None:
        """A sequence with this prompt begins."""
        users, idle = self._users, self._idle
        for page in dict.fromkeys(pages):
            if page in users:
                users[page] += 1
                continue
            users[page] = 1
            size = self._blocks.get(page, self.page_blocks)
            self.used_blocks += size
            if page in idle:
                del idle[page]
                self._idle_blocks -= size

    def release(self, pages: Sequence[int]) -> None:
        """A sequence with this prompt is done or dropped; the end of a prefix goes first when room is needed."""
        users = self._users
        for page in reversed(dict.fromkeys(pages)):
            users[page] -= 1
            if not users[page]:
                del users[page]
                size = self._blocks.get(page, self.page_blocks)
                self.used_blocks -= size
                self._idle[page] = None
                self._idle_blocks += size

    def keep(self, page: int) -> None:
        """What a sequence wrote is a page that others may begin with."""
        if page not in self._users and page not in self._idle:
            self._idle[page] = None
            self._idle_blocks += self._blocks.get(page, self.page_blocks)

    def trim(self, free_blocks: int) -> None:
        """Drop the longest unused pages until what stays fits in the free blocks."""
        idle = self._idle
        while self._idle_blocks > max(0, free_blocks):
            page = next(iter(idle))
            del idle[page]
            self._idle_blocks -= self._blocks.get(page, self.page_blocks)
