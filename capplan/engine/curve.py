"""One replica from nearly idle to full: steady states on a grid of batches, read at any rate without solving again."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from capplan.engine.serving import Replica, Requests, Steady, steady
from capplan.records import dataclass

# Batches from nearly none to the most, spaced in their logarithm and more densely where the replica fills; figures
# between them are interpolated in logarithms too, which is within 0.5 % of solving (tests/engine/test_curve.py).
GRID = 41
_DENSER = 1.4
_LEAST = 0.02
_IDLEST = 1e-12  # of the first state, so that no time is divided by no rate
# Halvings of the first state's rate: what swings falls with its root, so that points lie closer where there is more.
_BELOW = np.array([24.0, 16, 12, 10, 8, 6, 5, 4, 3, 2, 1])


@dataclass(frozen=True)
class Curve:
    """Steady states along the last axis of every field, from `_LEAST` sequences in decode to the most.

    The rate rises along the axis, and so do ITL and TTFT.
    """

    states: Steady

    @property
    def rates_per_s(self) -> Any:
        return self.states.requests_per_s

    def take(self, index: tuple[Any, ...]) -> "Curve":
        """The curves at an index of the leading axes."""
        return Curve(Steady(*(getattr(self.states, f.name)[index] for f in fields(Steady))))

    def at(self, axis_values: Any, wanted: Any) -> Steady:
        """The states at which `axis_values` (rising along the last axis) takes the values `wanted`; ends beyond it."""
        values = np.maximum(axis_values, 1e-300)
        target = np.maximum(np.asarray(wanted, np.float64), 1e-300)[..., None]
        low = np.clip((values <= target).sum(axis=-1, keepdims=True) - 1, 0, values.shape[-1] - 2)
        ends = along(low), along(low + 1)
        left, right = (np.log(values[end]) for end in ends)
        part = np.clip((np.log(target) - left) / np.maximum(right - left, 1e-12), 0.0, 1.0)
        return Steady(*(_between(getattr(self.states, f.name), ends, part) for f in fields(Steady)))

    def at_rate(self, rate_per_s: Any) -> Steady:
        """The state that serves `rate_per_s` requests a second; the fullest where none does, `idler` below all."""
        state = self.at(self.states.requests_per_s, rate_per_s)
        return idler(state, np.clip(rate_per_s / state.requests_per_s, _IDLEST, 1.0))

    def from_idle(self) -> "Curve":
        """The curve with states below its first, as `at_rate` reads them: for who draws lines through its points."""
        below = idler(self.take((..., slice(0, 1))).states, 2.0**-_BELOW)
        shape = np.shape(below.requests_per_s)

        def joined(name: str) -> Any:
            return np.concatenate([np.broadcast_to(getattr(below, name), shape), getattr(self.states, name)], axis=-1)

        return Curve(Steady(*(joined(f.name) for f in fields(Steady))))


def idler(state: Steady, part: Any) -> Steady:
    """A state at a part of its rate, where a replica mostly stands idle.

    What is in it, and what a request meets there, falls in proportion to the rate; the times of a request alone stay.
    """
    return replace(
        state,
        decoding=state.decoding * part,
        prefill_share=state.prefill_share * part,
        queue_s=state.queue_s * part,
        ttft_s=state.ttft_s - state.queue_s * (1.0 - part),
        requests_per_s=state.requests_per_s * part,
    )


def curve(
    replica: Replica, requests: Requests, most: Any, steady: Callable[[Replica, Any, Requests], Steady] = steady
) -> Curve:
    """The curve up to `most` sequences in decode; the result has the shape of all inputs broadcast, and one axis more.

    Layout and requests must already have a last axis of length 1. steady: what the replica does with so many.
    """
    top = np.maximum(np.asarray(most, np.float64), 2 * _LEAST)
    share = 1.0 - np.linspace(1.0, 0.0, GRID) ** _DENSER
    decoding = np.exp(np.log(_LEAST) + share * (np.log(top) - np.log(_LEAST)))
    states = steady(replica, decoding, requests)
    pace = np.gradient(np.log(states.decode_s), axis=-1) / np.gradient(np.log(decoding), axis=-1)
    states = replace(states, slope=np.maximum(pace, 0.0))
    shape = np.broadcast_shapes(*(np.shape(getattr(states, f.name)) for f in fields(Steady)))
    whole = Steady(*(np.broadcast_to(getattr(states, f.name), shape) for f in fields(Steady)))
    return Curve(whole)


def along(points: Any) -> tuple[Any, ...]:
    """What indexes arrays as `np.take_along_axis` does along their last axis, worked out once for many of a shape."""
    return (*np.indices(points.shape, sparse=True)[:-1], points)


def _between(values: Any, ends: Any, part: Any) -> Any:
    left, right = (np.log(np.maximum(values[end], 1e-300)) for end in ends)
    return np.exp(left + part * (right - left))[..., 0]
