"""Which plans cannot be, read off the arrays of their group; `excuses` says why and what would cure it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from capplan.engine.excuse import Excuse
from capplan.engine.layout import Layout
from capplan.plan import excuses
from capplan.plan.rows import Group

# Where more is done again than done, chains of thought are lost faster than written.
_MOST_REDONE = 2.0


def refusals(group: Group) -> list[tuple[Excuse, ...]]:
    """Every constraint that each plan breaks, the one that binds first; where nothing fits, that alone."""
    sizing, asked, pool = group.sizing, group.load.requests, group.sizing.readers
    most = group.deployment.model.architecture.max_context
    asked_for = [scenario.serving.concurrency for scenario in group.scenarios]
    given = 0.0 if "auto" in asked_for else np.array(asked_for, np.float64)
    unfit = np.asarray(sizing.fits) < 1
    unread = ~unfit & (np.asarray(pool.does.fits) < 1) if pool is not None else np.zeros_like(unfit)
    late = [(missed, partial(_late, target)) for target, missed in sizing.missed.items()]
    possible: list[tuple[Any, Callable[[Group, int], Excuse]]] = [
        ((asked.prompt_tokens + asked.output_tokens > most) & (most > 0), _too_long),
        (given > np.asarray(sizing.fits), _too_many),
        (np.asarray(sizing.redone) > _MOST_REDONE, _too_often),
        *late,
    ]
    fits = ~(unfit | unread)
    found: list[tuple[Excuse, ...]] = [()] * len(group.scenarios)
    for broken, why in [(unfit, _no_room), (unread, _no_room_to_read), *((fits & b, why) for b, why in possible)]:
        for i in np.flatnonzero(np.broadcast_to(broken, len(found))).tolist():
            found[i] = (*found[i], why(group, i))
    return found


def _at(values: Any, i: int) -> float:
    """One plan's element of an array of the group, or the value of all plans."""
    array = np.asarray(values)
    return float(array[i] if array.ndim else array)


def _layout(group: Group, i: int) -> Layout:
    layout = group.sizing.layout
    return layout.take(np.array(i)) if np.ndim(layout.tensor) else layout


def _no_room(group: Group, i: int) -> Excuse:
    held = _at(group.sizing.weight_bytes, i)
    return excuses.does_not_fit(group.scenarios[i], group.deployment, _layout(group, i), held, group.load.requests, i)


def _no_room_to_read(group: Group, i: int) -> Excuse:
    return excuses.prompts_do_not_fit(group.scenarios[i], group.deployment, _layout(group, i), group.load.requests, i)


def _too_long(group: Group, i: int) -> Excuse:
    thinking = _at(group.load.asked.thinking_tokens, i)
    return excuses.too_long(group.scenarios[i], group.deployment, group.load.requests, i, thinking)


def _too_many(group: Group, i: int) -> Excuse:
    return excuses.too_many_sequences(group.scenarios[i], _at(group.sizing.fits, i))


def _too_often(group: Group, i: int) -> Excuse:
    sizing = group.sizing
    return excuses.evicted_too_often(group.scenarios[i], _at(sizing.redone, i), _at(sizing.latency.tta_s["mean"], i))


def _late(target: str, group: Group, i: int) -> Excuse:
    scenario, name = group.scenarios[i], target.removesuffix("_s")
    value, alone = (_at(waits.figure(name), i) for waits in (group.sizing.latency, group.sizing.alone))
    return excuses.missed_target(scenario, target, value, getattr(scenario.targets, target), alone)
