"""What queries of equal length wait for, by hand: behind prompts, for a slot, and at a pace that swings.

Sources: gated vacation queues, Takagi 1991, "Queueing Analysis" vol. 1, ch. 2; Erlang C of servers and load over the
peakedness, Fredericks 1980 (Hayward); Allen-Cunneen; a fluid with noise around its mean, Mandelbaum, Massey & Reiman
1998. Answers much alike leave a replica 0.7 times as unevenly as Poisson's would; where there are other replicas, two
prompts at most join one that is read.
"""

import math
from dataclasses import dataclass
from typing import Any

from tests.oracles.figures import Q
from tests.oracles.replica import Replica, State

EVEN = 0.7
JOINERS = 2
NORMAL = {"p95": 1.6448536, "p99": 2.3263479}


@dataclass(frozen=True)
class Waits:
    """A fleet of `replicas`, each in `state`, that may run `slots` sequences together."""

    replica: Replica
    state: State
    replicas: int
    slots: float

    @property
    def prompts_busy(self) -> float:
        return float(min((self.state.rate * self.state.prompt).to("request").m, 0.98))

    @property
    def uneven(self) -> float:
        """Squared coefficient of variation of the gaps between arrivals at one replica."""
        return self.replica.asked.burstiness**2 / self.replicas + (1 - 1 / self.replicas) * EVEN

    @property
    def slope(self) -> float:
        """d log step / d log sequences, over the 5 % around the state."""
        around = [self.replica.step(self.state.decoding * part).to("s").m for part in (0.975, 1.025)]
        return max(math.log(around[1] / around[0]) / math.log(1.025 / 0.975), 0.0)

    def cycle(self) -> Any:
        """What everybody waits of the cycle of a step and the prompts in it."""
        busy, met = self.prompts_busy, min(self.uneven, 1.0)
        return (0.5 + busy * met) * self.state.alone * (1 + met * busy / (1 - busy))

    def behind_prompts(self) -> tuple[Any, Any]:
        """(mean, mean square) of the wait for the prompts before one's own."""
        busy, prompt = self.prompts_busy, self.state.prompt
        fewer = 1 + (1 - 1 / self.replicas) * busy / (2 * JOINERS)
        mean = (0.5 + busy) * busy * prompt * self.uneven / (1 - busy**2) / fewer
        return mean, 2 * mean**2 + busy * min(self.uneven, 1.0) * prompt**2 / (3 * (1 - busy)) / fewer

    def for_a_slot(self) -> tuple[Any, Any]:
        """(mean, mean square) of the wait for a place in a batch."""
        rate, servers = self.state.rate * self.replicas, math.floor(self.slots)
        prefill = self.state.mixed * max(self.state.steps, 1.0) + self.replica.cost("request")
        service = (Q(self.state.decoding, "request") / self.state.rate + prefill).to("s")
        service = min(service, (Q(0.999 * servers, "request") / rate).to("s"))
        load = (rate * service).to("request").m
        stop = self._stopped()
        peaked = (1 + stop) ** 2 * self.replica.asked.burstiness**2 / (1 - min(self.slope, 0.95))
        groups = max(round(servers / peaked), 1)
        chance = erlang_c(groups, load / servers * groups)
        mean = chance * service / (servers - load) * self.replica.asked.burstiness**2 / 2
        return mean, 2 * mean**2 / max(chance, 1e-12)

    def _stopped(self) -> float:
        busy = min((self.state.rate * self.state.prompt).to("request").m, 0.9)
        return float(busy / (1 - busy))

    def figures(self) -> dict[str, float]:
        prompts, slot = self.behind_prompts(), self.for_a_slot()
        running = 1 - math.exp(-self.state.decoding)
        first = self.replica.cost("arrival") + self.state.alone + running * self.cycle() + self.state.prompt
        first = first + prompts[0] + slot[0]
        spent = (self.replica.output - 1) * self.state.itl
        variance = self._pace(spent) + prompts[1] + slot[1] + 2 * prompts[0] * slot[0] - (prompts[0] + slot[0]) ** 2
        swing = math.sqrt(variance.to("s**2").m)
        found = {"ttft_s": first.to("s").m, "tta_s": (first + spent).to("s").m}
        return found | {f"tta_{name}_s": found["tta_s"] + score * swing for name, score in NORMAL.items()}

    def _pace(self, spent: Any) -> Any:
        """Variance of the time that an answer takes: the swing that all replicas share, and the own one's prompts."""
        slope = min(self.slope, 0.95)
        life = Q(self.state.decoding, "request") / self.state.rate
        memory = (life / (1 - slope)).to("s")
        pace = (self._stopped() + slope) ** 2 * self.replica.asked.burstiness**2
        pace /= self.state.decoding * self.replicas * (1 - slope)
        lasting = averaged((spent / memory).to("").m) / averaged((life / memory).to("").m)
        apart = (1 - 1 / self.replicas) * self.state.rate * self.state.prompt**2 * spent
        return pace * lasting * spent**2 + apart / Q("1 request")


def averaged(over: float) -> float:
    """Variance left of a fluctuation whose memory fades exponentially, averaged over so many memories."""
    return 2 * (over - 1 + math.exp(-over)) / over**2


def erlang_c(servers: int, load: float) -> float:
    """Chance of waiting in M/M/c, by the recursion of Erlang B."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))
