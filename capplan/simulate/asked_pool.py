"""A tier's replicas as they are simulated: those of its plan, with what the question changes."""

from dataclasses import replace

from capplan.engine.steptimes import compressed
from capplan.errors import UserError
from capplan.simulate.desk import can_be_held
from capplan.simulate.loads import Load
from capplan.simulate.outages import Outage, outages
from capplan.simulate.policy import Policy
from capplan.simulate.pools import Pool
from capplan.simulate.question import Question
from capplan.simulate.requests import Requests
from capplan.simulate.setup import Setup
from capplan.simulate.station import Readers


def asked_pool(name: str, ready: Setup, load: Load, question: Question) -> Pool:
    """The pool that serves a tier's load; raises UserError where the question asks what it cannot be."""
    arrival_s = load.requests.arrival_s
    span_s = float(arrival_s[0]), float(arrival_s[-1])

    def down(replicas: int, often: tuple[float, float], stream: int) -> tuple[Outage, ...]:
        return () if load.rounds else outages(replicas, *often, *span_s, [question.seed, stream])

    readers = None
    if ready.readers is not None:
        reads = _policy(ready.readers.policy, load.requests, question, question.prefill_replicas)
        can_be_held(ready.readers.times, reads)
        readers = replace(ready.readers, times=compressed(ready.readers.times, question.kv_kept), policy=reads)
    policy = _policy(ready.policy, load.requests, question, _writing(ready, question, readers))
    can_be_held(ready.times, policy)
    return Pool(
        name=name,
        times=compressed(ready.times, question.kv_kept),
        policy=policy,
        requests=load.requests,
        rounds=load.rounds,
        judge=ready.judge,
        caches=ready.caches,
        outages=down(policy.replicas, ready.down, 7),
        readers=readers,
        readers_outages=down(readers.policy.replicas, ready.readers_down, 8) if readers else (),
    )


def _writing(ready: Setup, question: Question, readers: Readers | None) -> int | None:
    """Replicas that write answers, None for the plan's: of all that are asked for, those that do not only read."""
    if readers is None:
        if question.prefill_replicas is not None:
            raise UserError("--prefill-replicas: here the same replicas read prompts and write answers")
        return question.replicas
    if question.replicas is None:
        return None
    left = question.replicas - readers.policy.replicas
    if left < 1:
        raise UserError(
            f"--replicas {question.replicas}: {readers.policy.replicas} of them read prompts, and none is left to "
            "decode; ask for more, or for fewer with --prefill-replicas"
        )
    return left


def _policy(planned: Policy, load: Requests, question: Question, replicas: int | None) -> Policy:
    """The plan's scheduling with what the question changes. replicas: None for the plan's."""
    unknown = [name for name in question.first_classes if name not in load.classes]
    if unknown:
        raise UserError(f"class {unknown[0]}: no such class in this traffic (there are {', '.join(load.classes)})")
    first = question.first_classes
    ranks = tuple(first.index(name) if name in first else len(first) for name in load.classes)
    return replace(
        planned,
        replicas=replicas or planned.replicas,
        routing=question.routing or planned.routing,
        preemption=question.preemption,
        checkpoint_tokens=question.checkpoint_tokens,
        prediction_sigma=question.prediction_error,
        preempt_lower=question.preempt_lower and bool(first),
        priorities=ranks if first else (),
        prefix_hit_ratio=0.0 if load.pages is not None else planned.prefix_hit_ratio,  # the trace's pages say
    )
