"""Lines of a trace, one at a time, and the faults found in them."""

from collections.abc import Iterator
from pathlib import Path

from capplan.errors import UserError
from capplan.reading import opened

# A Mooncake line with the page hashes of a million-token prompt has some 20 kB.
MOST_LINE_BYTES = 1 << 20
MOST_FAULTS = 20
# A packed file of a few kilobytes can hold gigabytes of them.
MOST_EMPTY_LINES = 1_000_000


class TraceFaults(UserError):
    """Everything wrong with a trace, up to 20 faults, each as file:line: what (what to do)."""


class Faults:
    """Collects the faults of a file; `stop` raises them all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: list[str] = []

    def add(self, line: int, message: str) -> None:
        """Note a fault; the twentieth ends the reading."""
        self.found.append(f"{self.path}:{line}: {message}")
        if len(self.found) >= MOST_FAULTS:
            self.found.append(f"{self.path}: further lines were not read")
            self.stop()

    def stop(self) -> None:
        """Raise `TraceFaults` if there are any."""
        if self.found:
            raise TraceFaults("\n".join(self.found))


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Non-empty lines with their numbers from 1, of a plain or gzipped UTF-8 file, never more than one in memory.

    Raises TraceFaults for a line over 1 MiB and for text that is not UTF-8, UserError for an unreadable file.
    """
    with opened(path) as stream:
        number = empty = 0
        while raw := stream.readline(MOST_LINE_BYTES + 1):
            number += 1
            if len(raw) > MOST_LINE_BYTES:
                raise TraceFaults(f"{path}:{number}: the line is longer than 1 MiB: this is no trace of lines")
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError as error:
                raise TraceFaults(f"{path}:{number}: not UTF-8 text (byte {error.start + 1} of the line)") from error
            if text:
                yield number, text
            elif (empty := empty + 1) > MOST_EMPTY_LINES:
                raise TraceFaults(f"{path}:{number}: more than {MOST_EMPTY_LINES:,} empty lines")
