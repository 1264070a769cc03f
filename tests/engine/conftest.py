"""Replicas to try the engine on."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from capplan.catalog.accelerators import accelerator
from capplan.catalog.engines import Overheads, Profile, profile
from capplan.catalog.models import model
from capplan.engine.layout import Layout
from capplan.engine.memory import memory
from capplan.engine.precision import precision
from capplan.engine.rates import rates
from capplan.engine.serving import Replica
from capplan.engine.speculation import Speculation
from capplan.engine.work import work

ReplicaOf = Callable[..., Replica]
_TWO = Layout(2)


def _replica(
    name: str = "llama-3.3-70b",
    gpu: str | Mapping[str, Any] = "h100-sxm",
    layout: Layout = _TWO,
    weights: str = "fp8",
    kv: str = "fp8",
    engine: str | Profile = "vllm",
    speculation: Speculation | None = None,
    bare: bool = False,
) -> Replica:
    """bare: kernels alone, without what an engine adds to them."""
    arch, chip = model(name).architecture, accelerator(gpu)
    used = profile(engine, chip.vendor) if isinstance(engine, str) else engine
    used = replace(used, overheads=Overheads()) if bare else used
    chip_rates = rates(chip, used.collectives)
    stored = precision(arch, weights, kv, chip_rates.operators, frozenset(chip_rates.peak_flop_per_s))
    job = work(arch, layout, stored)
    drafted = speculation.weight_bytes_per_gpu(job) if speculation else 0.0
    held = memory(arch, layout, stored, used, chip.reported_memory_bytes or chip.memory_bytes, drafted)
    return Replica(job, chip_rates, used, held, speculation)


@pytest.fixture(scope="session")
def replica_of() -> ReplicaOf:
    return _replica
