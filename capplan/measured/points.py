"""From a row of a points file to a `Point`: names resolved, every blank filled and the filling stated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from capplan.engine.excuse import Assumption
from capplan.engine.point import LoadType, Point, Pool
from capplan.measured.assume import assume
from capplan.measured.conventions import MLPERF, SEMIANALYSIS, mlperf_kv_cache, semianalysis
from capplan.measured.disaggregation import split
from capplan.measured.drafts import draft
from capplan.measured.dtypes import kv_cache, weights
from capplan.measured.engines import engine_profile, engine_year
from capplan.measured.lengths import Lengths, lengths
from capplan.measured.names import Unresolved, resolve_accelerator, resolve_model
from capplan.measured.pools import degrees, pool
from capplan.measured.table import Row, Table, count, number

# A closed-loop run is commonly ten waves of requests long (vLLM, InferenceMAX and GuideLLM recipes).
REQUESTS_PER_CLIENT = 10
_NEED_CLIENTS = frozenset(["concurrency", "static_batch"])
_TRUE = frozenset(["1", "true", "yes", "1.0"])


@dataclass(frozen=True)
class Refusal:
    """A row that cannot be read as a point, and why."""

    row_id: str
    reason: str


@dataclass(frozen=True)
class _Served:
    """What is served on what, in the catalogue's words."""

    model: str
    accelerator: str
    generation: str
    vendor: str
    native: str


def resolve_table(table: Table) -> list[Point | Refusal]:
    """One answer for each row of a table, in its order."""
    return resolve_rows(table.rows)


def resolve_rows(rows: Sequence[Row]) -> list[Point | Refusal]:
    """One answer for each row, in their order."""
    return [resolve(row) for row in rows]


def resolve(row: Row) -> Point | Refusal:
    """A point with every blank filled, or why the row names something unknown."""
    try:
        return _point(row)
    except Unresolved as unresolved:
        return Refusal(row.get("row_id", ""), str(unresolved))


def _point(row: Row) -> Point:
    served = _served(row)
    notes: list[Assumption | None] = []
    load_type, note = _load_type(row)
    notes.append(note)
    engine, note = engine_profile(row.get("engine", ""), row.get("engine_version", ""))
    notes.append(note)
    year, note = engine_year(engine, row.get("engine_version", ""), row.get("date", ""))
    notes.append(note)
    dtype, note = _weights(row, served, load_type)
    notes.append(note)
    kv, note = _kv_cache(row, engine, dtype, served, load_type)
    notes.append(note)
    means = lengths(row, served.model)
    clients = count(row, "concurrency")
    if clients is None and load_type in _NEED_CLIENTS:
        raise Unresolved(f"a row with load_type {load_type} needs `concurrency`")
    serving, prefill, filled = _pools(row, load_type, served, dtype, clients, means)
    gpus = serving.gpus + (prefill.gpus if prefill else 0)
    method, drafted, note = draft(row.get("spec_decode", ""), served.model, clients / gpus if clients else None)
    notes.append(note)
    requests, note = _requests(row, load_type, clients, means)
    notes.append(note)
    peak = _peak(load_type, clients, means)
    notes.append(peak)
    ttft_limit_s, tpot_limit_s = means.dataset.limits_s(load_type) if means.dataset else (None, None)
    return Point(
        row_id=row.get("row_id", ""),
        model=served.model,
        accelerator=served.accelerator,
        engine=engine,
        engine_version=row.get("engine_version", ""),
        engine_year=year,
        weights=dtype,
        kv_cache=kv,
        pool=serving,
        prefill=prefill,
        prompt_tokens=means.prompt_tokens,
        output_tokens=means.output_tokens,
        prompt_cv=means.prompt_cv,
        output_cv=means.output_cv,
        load_type=load_type,
        concurrency=clients,
        beams=means.dataset.beams if means.dataset else 1,
        peak=peak is not None,
        request_rate_per_s=number(row, "request_rate"),
        requests=requests,
        draft=method,
        draft_tokens=drafted,
        ttft_limit_s=ttft_limit_s,
        tpot_limit_s=tpot_limit_s,
        assumptions=(*(note for note in notes if note), *filled, *means.assumptions),
    )


def _peak(load_type: str, clients: int | None, means: Lengths) -> Assumption | None:
    """A note where the concurrency of a run over a data set is a number that nobody sets: then it is the peak reported.

    `vllm bench serve` prints the peak of requests in flight when it sends at a rate; people set powers of two and tens.
    """
    if load_type != "concurrency" or clients is None or means.output_cv < 0.5:
        return None
    if clients < 6 or clients % 8 == 0 or clients % 10 == 0 or clients & (clients - 1) == 0:
        return None
    return assume("concurrency", f"peak of {clients}", "not a number that clients are set to: the peak of an open loop")


def _served(row: Row) -> _Served:
    found = resolve_model(row.get("hf_model", ""), row.get("model", ""))
    chip = resolve_accelerator(row.get("gpu", ""))
    return _Served(found.name, chip.name, chip.generation, chip.vendor, found.architecture.native_weights)


def _load_type(row: Row) -> tuple[LoadType, Assumption | None]:
    """As told; else what the columns that are filled imply."""
    told = row.get("load_type", "")
    if told:
        return cast(LoadType, told), None
    guess: LoadType = "offline_max"
    if row.get("concurrency"):
        guess = "concurrency"
    elif row.get("request_rate"):
        guess = "request_rate" if number(row, "request_rate") else "request_rate_inf"
    return guess, assume("load_type", guess, "what the filled columns imply", "default")


def _weights(row: Row, served: _Served, load_type: str) -> tuple[str, Assumption | None]:
    written = row.get("weight_dtype", "")
    if not written and _is_mlperf(row, load_type):
        dtype = "nvfp4" if served.generation == "blackwell" else "fp8"
        return dtype, assume("weight_dtype", dtype, "the precision of the other MLPerf submissions on such a chip")
    return weights(written, row.get("hf_model", ""), served.native, served.vendor)


def _kv_cache(row: Row, engine: str, dtype: str, served: _Served, load_type: str) -> tuple[str, Assumption | None]:
    convention, source = None, ""
    if semianalysis().ran(row.get("submitter", "")):
        convention = semianalysis().kv_cache(engine, served.model, served.generation)
        source = SEMIANALYSIS
    elif dtype in ("fp8", "nvfp4", "mxfp4") and _is_mlperf(row, load_type):
        convention, source = mlperf_kv_cache(), MLPERF
    return kv_cache(row.get("kv_dtype", ""), engine, dtype, convention, source)


def _is_mlperf(row: Row, load_type: str) -> bool:
    return load_type.startswith("mlperf") or (load_type == "offline_max" and not row.get("isl"))


def _pools(
    row: Row, load_type: LoadType, served: _Served, dtype: str, clients: int | None, means: Lengths
) -> tuple[Pool, Pool | None, tuple[Assumption, ...]]:
    given = degrees(row)
    if row.get("disagg", "").casefold() not in _TRUE:
        whole, notes = pool(given, load_type, served.model, served.accelerator, dtype)
        return whole, None, notes
    load = (float(clients or 0), means.prompt_tokens, means.output_tokens)
    return split(row.get("parallel_note", ""), given.gpus, served.model, served.accelerator, dtype, load)


def _requests(row: Row, load_type: str, clients: int | None, means: Lengths) -> tuple[int | None, Assumption | None]:
    """Requests of the run: as told, MLPerf's sample count, or ten waves in closed loop."""
    told = count(row, "num_prompts")
    if told is not None:
        return told, None
    if means.dataset:
        return means.dataset.samples, assume("num_prompts", means.dataset.samples, MLPERF, "catalogue")
    if load_type == "concurrency" and clients:
        return REQUESTS_PER_CLIENT * clients, assume("num_prompts", "10 x concurrency", "common length of such runs")
    return None, None
