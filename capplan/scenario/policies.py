"""`reasoning.policies`: what holds thinking down, or saves it, one section a policy; each may be left out."""

from collections.abc import Iterator
from typing import Annotated

from capplan.scenario.part import Contradiction, Part, key, required
from capplan.scenario.quantity import Quantity

_TOKENS = Quantity("tokens", above=0, most=1e12, example="4k")


class AnswerCache(Part):
    """Answers kept from earlier queries: a hit costs no accelerator any work."""

    hit_rate: Annotated[float, Quantity("ratio", least=0, most=0.999, example="30 %")] = required(
        "Share of the queries that are answered from the cache."
    )
    stale: Annotated[float, Quantity("ratio", least=0, most=1, example="1 %")] = key(
        0.0, "Share of the hits whose answer is out of date, and counted as wrong."
    )
    latency_s: Annotated[float, Quantity("s", least=0, most=1e4, example="15 ms")] = key(
        0.0, "Of a look-up, before every query."
    )
    cost_usd: Annotated[float, Quantity("usd", least=0, most=1e6, example="0.01 USD")] = key(
        0.0, "What 1,000 look-ups cost."
    )


class TraceCache(Part):
    """Thinking kept from earlier queries: a hit reads a trace as part of its prompt in place of writing one."""

    hit_rate: Annotated[float, Quantity("ratio", least=0, most=0.999, example="20 %")] = required(
        "Share of the queries that find a trace."
    )
    stale: Annotated[float, Quantity("ratio", least=0, most=1, example="2 %")] = key(
        0.0, "Share of the hits whose trace misleads, and whose answer is counted as wrong."
    )


class Hint(Part):
    """A prompt, or a trained control of length, that asks for shorter thinking."""

    reduction: Annotated[float, Quantity("ratio", least=0, most=0.99, example="40 %")] = key(
        0.5, "Share of the thinking that it saves. Published for length control: 39 to 56 %, at no loss."
    )


class QueryClass(Part):
    """Queries of one difficulty, from easy to hard in the order of the list: their share thinks the shortest."""

    share: Annotated[float, Quantity("ratio", above=0, most=1, example="60 %")] = required(
        "Share of the queries; all shares make 100 %."
    )
    cap_tokens: Annotated[float | None, _TOKENS] = key(None, "Thinking budget of the class. Left out: none.", "cap")
    recognised: Annotated[float | None, Quantity("ratio", least=0, most=1, example="95 %")] = key(
        None, "Share of the class that the classifier knows as such. Left out: its accuracy."
    )


class DifficultyClassifier(Part):
    """Gives every query the thinking budget of its class; a query taken for another class gets that one's."""

    classes: tuple[QueryClass, ...] = required("Classes of difficulty, the easiest first.")
    accuracy: Annotated[float, Quantity("ratio", least=0, most=1, example="90 %")] = key(
        1.0, "Share of the queries that it gives to their own class; the others spread evenly over the rest."
    )
    latency_s: Annotated[float, Quantity("s", least=0, most=1e4, example="8 ms")] = key(
        0.0, "Added to every query before it is read."
    )
    cost_usd: Annotated[float, Quantity("usd", least=0, most=1e6, example="0.02 USD")] = key(
        0.0, "What it costs for 1,000 queries."
    )

    def contradictions(self) -> Iterator[Contradiction]:
        total = sum(one.share for one in self.classes)
        if abs(total - 1) > 1e-6:
            yield Contradiction("classes", f"the shares add up to {total * 100:.6g} %", "they must make 100 %")


class Quota(Part):
    """Thinking tokens that one user, or one session, may spend; past it, queries are answered without thinking."""

    tokens: Annotated[float, _TOKENS] = required("Thinking tokens, those of all samples of a query together.")
    queries: Annotated[float, Quantity("count", above=0, example="20")] = required(
        "Queries of one user a day, or of one session, on average."
    )


class EarlyStop(Part):
    """Streaming verification: thinking ends once its answer is found to hold."""

    saved: Annotated[float, Quantity("ratio", least=0, most=0.99, example="30 %")] = required(
        "Share of the thinking that is not written."
    )
    accuracy_kept: Annotated[float, Quantity("ratio", above=0, most=1, example="99 %")] = key(
        1.0, "Share of the right answers that stay right."
    )
    check_every_tokens: Annotated[float, _TOKENS] = key(512.0, "Thinking tokens between two checks.", "check_every")
    check_tokens: Annotated[float, Quantity("tokens", least=0, most=1e6)] = key(
        0.0, "Tokens that one check writes; a probe that only reads writes none."
    )


class Compression(Part):
    """Part of the KV cache evicted while it is in use."""

    kept: Annotated[float, Quantity("ratio", least=0.1, most=1, example="50 %")] = required(
        "Share of the cache that is kept; below 10 % nothing is published."
    )


class Alert(Part):
    """When a request's thinking is called out; it changes nothing of the plan."""

    over_p95: Annotated[float, Quantity("ratio", least=1, most=1000, example="2")] = key(
        2.0, "Alerts at this many times the p95 of the thinking of a request's class."
    )


class Policies(Part):
    """Policies on thinking. They take effect in the order of this list, each on what the ones before it left."""

    answer_cache: AnswerCache | None = key(None, "Answers from earlier queries.")
    trace_cache: TraceCache | None = key(None, "Thinking from earlier queries.")
    hint: Hint | None = key(None, "A request for shorter thinking.")
    classifier: DifficultyClassifier | None = key(None, "Thinking budgets by class of difficulty.")
    user_quota: Quota | None = key(None, "Thinking tokens of a user and day.")
    session_quota: Quota | None = key(None, "Thinking tokens of a session.")
    early_stop: EarlyStop | None = key(None, "Thinking that ends once its answer holds.")
    kv_compression: Compression | None = key(None, "A KV cache kept in part.")
    alert: Alert | None = key(None, "When to call out a request's thinking.")
