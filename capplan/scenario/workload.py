"""`workload`: how many requests come, how unevenly, and how long they are."""

from collections.abc import Iterator
from typing import Annotated

from capplan.scenario.day import Day, DayKind
from capplan.scenario.length import Length
from capplan.scenario.length_kind import LengthKind
from capplan.scenario.part import Contradiction, Part, key, required
from capplan.scenario.quantity import Quantity

_LENGTHS = "A number, {lognormal: {mean, cv}}, {quantiles: {p50, p99, ...}}, a mixture, or a shipped workload's name."

MOST_QPS = 1e9


class Workload(Part):
    """The traffic."""

    qps: Annotated[float, Quantity("per_s", above=0, most=MOST_QPS, example="100")] = required(
        "Mean arrivals, requests per second. Fleets are sized for peak_to_mean times as many."
    )
    peak_to_mean: Annotated[float, Quantity("ratio", least=1, most=1000, example="2.2")] = key(
        1.0, "Arrivals in the busiest hour over the mean."
    )
    day: Annotated[Day | None, DayKind()] = key(
        None, "Shape of the day: a shipped workload whose hours are known, or relative arrivals in equal parts of it. "
        "Its busiest part stands for peak_to_mean. Left out: only the mean and the peak are known."
    )  # fmt: skip
    burstiness: Annotated[float, Quantity("ratio", least=0, most=100, example="2.3")] = key(
        1.0, "Coefficient of variation of the gaps between arrivals: 1 is Poisson, more comes in bursts."
    )
    prompt_tokens: Annotated[Length, LengthKind("prompt")] = key(
        Length("constant", (("tokens", 2048.0),)), f"Prompt length. {_LENGTHS}"
    )
    answer_tokens: Annotated[Length, LengthKind("answer")] = key(
        Length("constant", (("tokens", 300.0),)),
        f"Length of the visible answer. {_LENGTHS}",
    )
    target_utilization: Annotated[float, Quantity("ratio", above=0, most=1, example="80 %")] = key(
        0.8, "Load at peak over what the fleet could carry: the headroom that keeps queues short."
    )
    queries_per_user_month: Annotated[float | None, Quantity("count", above=0, example="120")] = key(
        None, "Queries that one user sends a month, for the cost of a user. Left out: not told."
    )

    @property
    def busiest_to_mean(self) -> float:
        """Arrivals in the busiest part of the day over the mean."""
        return self.day.peak_to_mean if self.day else self.peak_to_mean

    def contradictions(self) -> Iterator[Contradiction]:
        if self.day is not None and self.given("peak_to_mean"):
            told = f"the busiest part of the day already has {self.day.peak_to_mean:.4g} times the mean"
            yield Contradiction("peak_to_mean", told, "keep one of the two")
