"""Beams: several sequences that decode for one request and share its prompt."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from capplan.engine.serving import Replica, Requests, decode_step_s, most_sequences, steady
from capplan.engine.speculation import Speculation

ReplicaOf = Callable[..., Replica]


def test_the_tokens_of_a_request_by_hand() -> None:
    wide = Requests.of(1000.0, 300.0, cached=0.25, beams=4.0)
    assert (wide.prefill_tokens, wide.cached_tokens) == (750.0, 250.0)
    assert wide.context_tokens == 1000 + 150  # of each sequence, in its middle
    assert wide.held_tokens == 1000 + 4 * 150  # the prompt once and half of four answers
    assert wide.longest_tokens == 1000 + 4 * 300
    assert Requests.of(1000.0, 300.0, cached=1.0).prefill_tokens == 1.0  # the last token is always computed


def test_the_cache_and_the_batch_hold_whole_requests(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    careful = replace(replica, profile=replace(replica.profile, output_reserved=1.0))
    each = 80 * 8 * 128 * 2 / 2  # bytes a token in fp8 on each of two GPUs
    for beams in (1.0, 4.0):
        wide = Requests.of(10_000.0, 3000.0, beams=beams)
        held = 10_000 + 3000 * beams
        assert float(most_sequences(careful, wide)) == replica.memory.kv_bytes / (held * each) // 1
    assert float(most_sequences(replica, Requests.of(10.0, 10.0, beams=4.0))) == replica.profile.max_sequences / 4


def test_a_step_decodes_every_beam(replica_of: ReplicaOf) -> None:
    replica = replica_of()
    wide, narrow = (steady(replica, n, Requests.of(1000.0, 300.0, beams=b)) for n, b in ((8.0, 4.0), (32.0, 1.0)))
    assert float(wide.decode_s) == pytest.approx(float(narrow.decode_s))
    assert float(wide.decode_s) == float(decode_step_s(replica, 8.0, Requests.of(1000.0, 300.0, beams=4.0)))
    # Steps with a prompt of the same length beside as many sequences; what replaces what ended is a quarter as often.
    assert float(wide.mixed_s) == pytest.approx(float(narrow.mixed_s))


def test_every_beam_is_drafted_for(replica_of: ReplicaOf) -> None:
    replica = replica_of(speculation=Speculation(4, 0.7))
    wide, narrow = (
        decode_step_s(replica, n, Requests.of(1000.0, 300.0, beams=b)) for n, b in ((8.0, 4.0), (32.0, 1.0))
    )
    assert float(wide) == pytest.approx(float(narrow))
