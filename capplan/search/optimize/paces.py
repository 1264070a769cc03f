"""Figures along the curves of many layouts, read at any rate without solving or drawing percentiles again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from capplan.engine.curve import Curve
from capplan.plan.latency import Latency, Reading, latency
from capplan.plan.load import Load


@dataclass(frozen=True)
class Lines:
    """Values by rate, both in logarithms, rising rates; shape (layouts, points)."""

    log_rates: Any
    log_values: Any

    @staticmethod
    def of(rates_per_s: Any, values: Any) -> "Lines":
        return Lines(_logs(rates_per_s), _logs(np.broadcast_to(values, np.shape(rates_per_s))))

    def at(self, rates_per_s: Any) -> Any:
        """The values at rates of shape (layouts, any); the ends' beyond them."""
        low, part = places(self.log_rates, rates_per_s)
        return self.read(low, part)

    def read(self, low: Any, part: Any) -> Any:
        left = np.take_along_axis(self.log_values, low, axis=-1)
        right = np.take_along_axis(self.log_values, low + 1, axis=-1)
        return np.exp(left + part * (right - left))

    def largest_rate(self, most: float) -> Any:
        """The largest rate at which the values, which rise with it, are at most `most`; 0 where none is."""
        values = np.maximum.accumulate(self.log_values, axis=-1)
        target = np.log(most)
        low = np.clip((values <= target).sum(axis=-1, keepdims=True) - 1, 0, values.shape[-1] - 2)
        left, right = (np.take_along_axis(values, low + i, axis=-1) for i in (0, 1))
        part = np.clip((target - left) / np.maximum(right - left, 1e-12), 0.0, 1.0)
        start, end = (np.take_along_axis(self.log_rates, low + i, axis=-1) for i in (0, 1))
        return np.where(values[..., 0] <= target, np.exp(start + part * (end - start))[..., 0], 0.0)


def places(log_rates: Any, rates_per_s: Any) -> tuple[Any, Any]:
    """(point below, share of the way to the next) of rates in each layout's row."""
    wanted = np.log(np.maximum(rates_per_s, 1e-300))
    low = np.zeros(wanted.shape, np.int64)
    for row, (line, values) in enumerate(zip(log_rates, wanted, strict=True)):
        low[row] = np.searchsorted(line, values, side="right") - 1
    low = np.clip(low, 0, log_rates.shape[-1] - 2)
    left, right = (np.take_along_axis(log_rates, low + i, axis=-1) for i in (0, 1))
    return low, np.clip((wanted - left) / np.maximum(right - left, 1e-12), 0.0, 1.0)


def state_at(curves: Curve, rates_per_s: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Some fields of the states at rates of shape (layouts, any)."""
    log_rates = _logs(curves.rates_per_s)
    low, part = places(log_rates, rates_per_s)
    return {name: Lines(log_rates, _logs(getattr(curves.states, name))).read(low, part) for name in names}


def figures(
    curves: Curve, load: Load, offered_per_s: float, names: tuple[str, ...], reading: Callable[[Any], Reading] | None
) -> tuple[Any, dict[str, Any]]:
    """(rates, figures by name) along the curves, the fleet being as large as each rate asks for.

    names: as of targets, without unit: `ttft_p95`. Slots are taken as free: a wait for one comes on top.
    reading: of each layout's pool that reads prompts, beside so many decode replicas, where it is apart.
    """
    states = curves.states
    rates = states.requests_per_s
    replicas = np.maximum(offered_per_s / rates, 1.0)
    waits: Latency = latency(states, load, replicas, reading=reading(replicas) if reading else None)
    return rates, {name: np.broadcast_to(waits.figure(name), rates.shape) for name in names}


def _logs(values: Any) -> Any:
    return np.log(np.maximum(values, 1e-300))
