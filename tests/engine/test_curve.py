"""The curve of a replica against solving each of its points."""

from collections.abc import Callable

import numpy as np
import pytest

from capplan.engine.curve import curve
from capplan.engine.layout import Layout
from capplan.engine.serving import Replica, Requests, most_sequences, open_loop, steady

ReplicaOf = Callable[..., Replica]


@pytest.mark.parametrize(("name", "tensor"), [("llama-3.1-8b", 1), ("llama-3.3-70b", 2), ("deepseek-r1", 16)])
@pytest.mark.parametrize(("prompt", "output"), [(2048.0, 2348.0), (200.0, 8000.0), (20_000.0, 300.0)])
def test_reading_the_curve_is_within_half_a_percent_of_solving(
    replica_of: ReplicaOf, name: str, tensor: int, prompt: float, output: float
) -> None:
    replica, requests = replica_of(name, layout=Layout(tensor)), Requests.of(prompt, output)
    most = float(most_sequences(replica, requests))
    along = curve(replica, requests, most)
    full = float(steady(replica, most, requests).requests_per_s)
    for part in np.linspace(0.03, 0.97, 12):
        read, solved = along.at_rate(part * full), open_loop(replica, part * full, most, requests)
        for figure in ("itl_s", "decode_s", "own_prefill_s"):
            assert float(getattr(read, figure)) == pytest.approx(float(getattr(solved, figure)), rel=0.005), figure


def test_the_ends_of_the_curve_are_its_emptiest_and_fullest_states(replica_of: ReplicaOf) -> None:
    replica, requests = replica_of(), Requests.of(2000.0, 500.0)
    along = curve(replica, requests, 100.0)
    fullest = steady(replica, 100.0, requests)
    assert float(along.at_rate(1e9).itl_s) == pytest.approx(float(fullest.itl_s))
    assert float(along.at_rate(0.0).itl_s) == pytest.approx(float(along.take((..., 0)).states.itl_s))


def test_below_its_first_state_a_replica_is_as_idle_as_its_rate_says(replica_of: ReplicaOf) -> None:
    along = curve(replica_of(), Requests.of(2000.0, 500.0), 100.0)
    first = along.take((..., 0)).states
    rate = float(first.requests_per_s) / 1000
    idle = along.at_rate(rate)
    assert float(idle.requests_per_s) == pytest.approx(rate)
    assert float(idle.decoding) == pytest.approx(float(first.decoding) / 1000)
    assert float(idle.service_s) == pytest.approx(float(first.service_s))
    assert float(idle.ttft_s) == pytest.approx(float(first.ttft_s - first.queue_s), rel=1e-4)


def test_rate_itl_and_ttft_rise_along_the_curve(replica_of: ReplicaOf) -> None:
    states = curve(replica_of(), Requests.of(2000.0, 500.0), 200.0).states
    for values in (states.requests_per_s, states.itl_s, states.ttft_s):
        assert (np.diff(values) > 0).all()
