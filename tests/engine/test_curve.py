"""The curve of a replica against solving each of its points."""

from collections.abc import Callable

import numpy as np
import pytest

from capplan.engine.curve import GRID, curve
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


def test_the_slope_is_how_fast_a_step_grows_with_the_batch(replica_of: ReplicaOf) -> None:
    """d log step / d log sequences: the curve's own, against steps a little to either side."""
    replica, requests = replica_of(), Requests.of(2000.0, 500.0)
    states = curve(replica, requests, 200.0).states
    assert (states.slope >= 0).all() and states.slope.shape == (GRID,)
    for at in (5, 20, 35):
        around = [steady(replica, states.decoding[at] * part, requests).decode_s for part in (0.99, 1.01)]
        slope = np.log(float(around[1]) / float(around[0])) / np.log(1.01 / 0.99)
        assert float(states.slope[at]) == pytest.approx(slope, rel=0.05)


def test_the_grid_runs_from_a_fiftieth_of_a_sequence_to_the_most(replica_of: ReplicaOf) -> None:
    decoding = curve(replica_of(), Requests.of(2000.0, 500.0), 200.0).states.decoding
    assert (float(decoding[0]), float(decoding[-1])) == pytest.approx((0.02, 200.0))
    assert (np.diff(np.log(decoding), 2) < 0).all()  # denser where the replica fills
    none = curve(replica_of(), Requests.of(2000.0, 500.0), 0.0).states.decoding
    assert (float(none[0]), float(none[-1])) == pytest.approx((0.02, 0.04))


def test_a_state_between_two_of_the_grid_is_interpolated_in_logarithms(replica_of: ReplicaOf) -> None:
    along = curve(replica_of(), Requests.of(2000.0, 500.0), 200.0)
    rates, itl = along.rates_per_s, along.states.itl_s
    middle = along.at_rate(np.sqrt(rates[20] * rates[21]))
    assert float(middle.itl_s) == pytest.approx(float(np.sqrt(itl[20] * itl[21])))
    on = along.at_rate(rates[20])
    assert float(on.itl_s) == pytest.approx(float(itl[20]))
    assert float(on.requests_per_s) == pytest.approx(float(rates[20]))


def test_below_its_first_state_nothing_queues_and_few_steps_hold_a_prompt(replica_of: ReplicaOf) -> None:
    along = curve(replica_of(), Requests.of(2000.0, 500.0), 100.0)
    first = along.take((..., 0)).states
    idle = along.at_rate(float(first.requests_per_s) / 8)
    assert float(idle.queue_s) == pytest.approx(float(first.queue_s) / 8)
    assert float(idle.prefill_share) == pytest.approx(float(first.prefill_share) / 8)
    assert float(idle.ttft_s) == pytest.approx(float(first.ttft_s - first.queue_s * 7 / 8))
    assert float(idle.itl_s) == pytest.approx(float(first.itl_s))
    assert float(along.at_rate(0.0).requests_per_s) > 0


def test_a_rate_beyond_the_fullest_state_gets_that_state(replica_of: ReplicaOf) -> None:
    along = curve(replica_of(), Requests.of(2000.0, 500.0), 100.0)
    fullest = along.take((..., -1)).states
    beyond = along.at_rate(1.5 * float(fullest.requests_per_s))
    for name in ("requests_per_s", "decoding", "queue_s", "ttft_s"):
        assert float(getattr(beyond, name)) == pytest.approx(float(getattr(fullest, name))), name


def test_a_curve_from_idle_holds_what_is_read_below_the_first_state(replica_of: ReplicaOf) -> None:
    along = curve(replica_of(), Requests.of(2000.0, 500.0), 100.0)
    longer = along.from_idle()
    assert (np.diff(longer.rates_per_s) > 0).all() and longer.rates_per_s[0] < along.rates_per_s[0] / 1e6
    for name in ("itl_s", "ttft_s", "decoding", "queue_s", "service_s"):
        read = [float(getattr(along.at_rate(rate), name)) for rate in longer.rates_per_s]
        assert read == pytest.approx([float(value) for value in np.ravel(getattr(longer.states, name))]), name
