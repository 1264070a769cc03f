"""Queue and KV over time, as a bounded number of samples however long the run."""

from dataclasses import dataclass, field
from math import inf

LIMIT = 1024


@dataclass
class Samples:
    """One replica's state at about equal distances in time; when there are too many, every second one goes.

    A sample is the state at `due_s`, whatever event follows: states that last long count as long as they last.
    """

    period_s: float
    due_s: float = 0.0
    rows: list[tuple[float, int, int, int]] = field(default_factory=list)

    def take(self, until_s: float, waiting: int, running: int, kv_blocks: int) -> None:
        """Note the state that holds from `due_s` until an event."""
        at_s = self.due_s
        self.rows.append((at_s, waiting, running, kv_blocks))
        if len(self.rows) >= LIMIT:
            del self.rows[1::2]
            self.period_s *= 2
        self.due_s = max(at_s + self.period_s, until_s) if self.period_s > 0 else inf
