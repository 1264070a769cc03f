"""Queue and KV over time, as a bounded number of samples however long the run."""

from dataclasses import dataclass, field
from math import inf

LIMIT = 1024


@dataclass
class Samples:
    """One replica's state at about equal distances in time; when there are too many, every second one goes."""

    period_s: float
    due_s: float = 0.0
    rows: list[tuple[float, int, int, int]] = field(default_factory=list)

    def take(self, at_s: float, waiting: int, running: int, kv_blocks: int) -> None:
        """Note the state at an event; further events before `due_s` are not noted."""
        self.rows.append((at_s, waiting, running, kv_blocks))
        if len(self.rows) >= LIMIT:
            del self.rows[1::2]
            self.period_s *= 2
        self.due_s = at_s + self.period_s if self.period_s > 0 else inf
