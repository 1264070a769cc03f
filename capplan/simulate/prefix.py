"""The prefix cache: prompts that begin alike share KV blocks and skip their prefill."""

from collections.abc import Sequence


class PrefixCache:
    """Prompt pages by content hash, shared while in use and kept for later while there is room.

    pages_blocks: KV blocks of one page (a trace hashes prompts in pages of, say, 512 tokens).
    A page in use counts once however many sequences read it; one that nobody uses stays until its room is needed,
    the longest unused first, as vLLM and SGLang do.
    """

    __slots__ = ("_idle", "_users", "page_blocks")

    def __init__(self, page_blocks: int) -> None:
        self.page_blocks = page_blocks
        self._users: dict[int, int] = {}
        self._idle: dict[int, None] = {}

    @property
    def used_blocks(self) -> int:
        """KV blocks of the pages that running sequences use."""
        return len(self._users) * self.page_blocks

    def hit_pages(self, pages: Sequence[int]) -> int:
        """Leading pages that are present."""
        users, idle = self._users, self._idle
        for count, page in enumerate(pages):
            if page not in users and page not in idle:
                return count
        return len(pages)

    def new_blocks(self, pages: Sequence[int]) -> int:
        """KV blocks that `acquire` would bring into use; pages that only wait in the cache count as well."""
        users = self._users
        return self.page_blocks * len({page for page in pages if page not in users})

    def acquire(self, pages: Sequence[int]) -> None:
        """A sequence with this prompt begins."""
        for page in dict.fromkeys(pages):
            self._users[page] = self._users.get(page, 0) + 1
            self._idle.pop(page, None)

    def release(self, pages: Sequence[int]) -> None:
        """A sequence with this prompt is done or dropped; the end of a prefix goes first when room is needed."""
        for page in reversed(dict.fromkeys(pages)):
            users = self._users[page] - 1
            if users:
                self._users[page] = users
            else:
                del self._users[page]
                self._idle[page] = None

    def trim(self, free_blocks: int) -> None:
        """Drop the longest unused pages until what stays fits in the free blocks."""
        room = max(0, free_blocks) // self.page_blocks
        idle = self._idle
        while len(idle) > room:
            del idle[next(iter(idle))]
