"""Pools of a disaggregated row: as encoded by the source, else the split that operators choose.

The estimate: prefill and decode accelerators stand as their work does. A decode pool with x clients an accelerator
makes tokens at a rate that saturates as x / (x + 44), and a request's prompt costs 0.55 (isl/osl)^0.76 of its answer.
Fitted to the 54 published InferenceMAX splits of November 2025 (DeepSeek-R1 on GB200, 12 to 72 accelerators): 36 come
out within a tenth of the deployment, most of the others are one cluster whose split stayed the same at every load.
"""

import re
from dataclasses import replace

from capplan.engine.excuse import Assumption
from capplan.engine.point import Pool
from capplan.measured.assume import assume
from capplan.measured.names import known_model
from capplan.measured.pools import least_gpus

PREFILL_COST = 0.55  # of a prompt token, in output tokens of a saturated decode pool, at isl = osl
LENGTH_POWER = 0.76  # below 1: longer prompts slow decode down too
HALF_RATE_CLIENTS = 44.0  # clients an accelerator at which decode reaches half its rate
WIDE_CLIENTS = 8.0  # clients an accelerator from which operators join the decode pool into one wide expert group
_SOURCE = "estimate from published disaggregated splits (InferenceMAX, November 2025)"
_WORKERS = re.compile(r"(prefill|decode): (\w+)x\(tp(\d+),dp(\d+),moe_tp(\d+),ep(\d+)\)", re.IGNORECASE)


def split(
    note: str,
    gpus: int | None,
    model: str,
    accelerator: str,
    weights: str,
    load: tuple[float, float, float],
) -> tuple[Pool, Pool, tuple[Assumption, ...]]:
    """(decode pool, prefill pool, notes); load is (clients, prompt tokens, output tokens)."""
    workers = {kind.lower(): _worker(count, *map(int, sizes)) for kind, count, *sizes in _WORKERS.findall(note)}
    if workers.keys() >= {"prefill", "decode"}:
        return _from_workers(workers["prefill"], workers["decode"], gpus, load)
    least = least_gpus(model, accelerator, weights)
    total = max(2, gpus or 2 * least)  # two pools need two accelerators
    unit = min(max(4, least), max(1, total // 2)) if total >= 8 else 1
    prefill_gpus = _prefill_gpus(total, unit, load)
    is_moe = known_model(model).architecture.moe is not None
    decode = _decode_pool(total - prefill_gpus, is_moe, load[0], least)
    prefill = _prefill_pool(prefill_gpus, unit, is_moe)
    shown = f"{prefill.gpus} of {total} accelerators"
    return decode, prefill, (assume("prefill", shown, _SOURCE), assume("decode", _describe(decode), _SOURCE))


def prefill_share(clients_per_decode_gpu: float, prompt_tokens: float, output_tokens: float) -> float:
    """Prefill accelerators for each decode accelerator.

    >>> round(prefill_share(85 * 1.5, 880, 880), 2)  # 2,048 clients on 16 decode GPUs: published 8 prefill GPUs, 0.5
    0.41
    """
    busy = clients_per_decode_gpu / (clients_per_decode_gpu + HALF_RATE_CLIENTS)
    return float(PREFILL_COST * (prompt_tokens / output_tokens) ** LENGTH_POWER * busy)


def _prefill_gpus(total: int, unit: int, load: tuple[float, float, float]) -> int:
    """The multiple of `unit` whose ratio to the rest comes nearest to what the load asks."""
    clients, prompt_tokens, output_tokens = load
    choices = range(unit, max(unit, total - unit) + 1, unit)

    def miss(prefill: int) -> float:
        decode = max(1, total - prefill)
        return abs(prefill / decode - prefill_share(clients / decode, prompt_tokens, output_tokens))

    return min(choices, key=miss)


def _from_workers(
    prefill: tuple[int | None, Pool],
    decode: tuple[int | None, Pool],
    gpus: int | None,
    load: tuple[float, float, float],
) -> tuple[Pool, Pool, tuple[Assumption, ...]]:
    """Pools whose workers are told; a number of workers that is not told is estimated."""
    notes = []
    decode_count, decode_pool = decode
    prefill_count, prefill_pool = prefill
    if decode_count is None:
        decode_count = 1
        notes.append(assume("decode", "1 worker", "the source does not tell how many"))
    decode_pool = replace(decode_pool, replicas=decode_count)
    if prefill_count is None:
        wanted = decode_pool.gpus * prefill_share(load[0] / decode_pool.gpus, load[1], load[2])
        if gpus is not None:
            wanted = gpus - decode_pool.gpus
        prefill_count = max(1, round(wanted / prefill_pool.gpus_per_replica))
        notes.append(assume("prefill", f"{prefill_count} workers", _SOURCE))
    return decode_pool, replace(prefill_pool, replicas=prefill_count), tuple(notes)


def _worker(count: str, tp: int, dp: int, moe_tp: int, ep: int) -> tuple[int | None, Pool]:
    """One kind of worker; `moe_tp` is what remains of the group beside EP, and says nothing more."""
    del moe_tp
    return (int(count) if count.isdigit() else None), Pool(tp=tp, ep=ep, attn_dp=dp)


def _decode_pool(gpus: int, is_moe: bool, clients: float, least: int) -> Pool:
    """Many clients: one attention data-parallel group that shares the experts out; few: tensor parallel workers."""
    if is_moe and gpus > 1 and clients / gpus >= WIDE_CLIENTS:
        return Pool(tp=1, ep=gpus, attn_dp=gpus)
    tp = max(size for size in (1, 2, 4, 8) if gpus % size == 0)
    return Pool(tp=max(tp, 1), replicas=max(1, gpus // tp)) if tp >= least or gpus < least else Pool(tp=gpus)


def _prefill_pool(gpus: int, unit: int, is_moe: bool) -> Pool:
    if is_moe and unit > 1:
        return Pool(tp=1, ep=unit, attn_dp=unit, replicas=max(1, gpus // unit))
    return Pool(tp=unit, replicas=max(1, gpus // unit))


def _describe(pool: Pool) -> str:
    return f"{pool.replicas} x (tp {pool.tp}, attention dp {pool.attn_dp}, ep {pool.ep})"
