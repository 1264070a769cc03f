"""A cache of answers: hits never reach the engine, and a stale hit is a wrong answer."""

from capplan.reasoning.effects import Effect
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.normal import Values
from capplan.reasoning.range import SAME, Range
from capplan.scenario.policies import AnswerCache

ON_THINKING = False


def effect(section: AnswerCache, thinking: LengthLaw, samples: Values) -> Effect:
    """Of all queries, 1 - hit rate come to the engine; saving k-fold takes a hit rate of 1 - 1/k (3x: 67 %, 5x: 80 %).

    Every query pays the look-up; latencies stay those of the queries that are thought about.
    """
    hits, stale = section.hit_rate, section.hit_rate * section.stale
    kept = Range(1 - stale, 1 - stale, 1.0, f"{section.stale:.1%} of the cache's hits stale")
    said = f"{hits:.1%} of the queries answered from the cache; latencies are those of the others"
    return Effect(
        "answer_cache",
        said,
        reach=1.0 - hits,
        answer=kept if stale else SAME,
        delay_s=section.latency_s,
        usd_per_query=section.cost_usd / 1000,
    )
