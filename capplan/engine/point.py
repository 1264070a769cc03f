"""One serving configuration under one load: what a benchmark row says, with every blank filled."""

from dataclasses import dataclass
from typing import Literal, get_args

from capplan.engine.excuse import Assumption

LoadType = Literal[
    "offline_max",
    "static_batch",
    "concurrency",
    "request_rate",
    "request_rate_inf",
    "burst",
    "mlperf_server_poisson",
    "mlperf_interactive_poisson",
]
LOAD_TYPES: tuple[str, ...] = get_args(LoadType)


@dataclass(frozen=True)
class Pool:
    """Accelerators that work alike: `replicas` copies of one layout.

    tp: attention tensor parallelism; attn_dp: attention data parallelism (each rank keeps whole KV);
    ep: ranks that share the experts out, the remaining tp x attn_dp / ep ranks split each expert.
    One replica holds tp x attn_dp x pp accelerators.
    """

    tp: int = 1
    pp: int = 1
    ep: int = 1
    attn_dp: int = 1
    replicas: int = 1

    @property
    def gpus_per_replica(self) -> int:
        return self.tp * self.attn_dp * self.pp

    @property
    def gpus(self) -> int:
        return self.gpus_per_replica * self.replicas


@dataclass(frozen=True)
class Point:
    """One measured or wanted configuration; the engine predicts it without looking at any measured value.

    model, accelerator: names in the catalogue.
    engine: name of an engine profile; engine_year: decimal year in which that version was released (its era).
    weights, kv_cache: dtypes in the catalogue's words (bf16 fp8 int8 int4 mxfp4 nvfp4).
    pool: the whole deployment, or the decode side where `prefill` holds the other one (disaggregated).
    draft_tokens: tokens proposed per step by speculative decoding, 0 without; draft names the method (mtp, eagle3 ...).
    prompt_tokens, output_tokens: true means per request; *_cv: standard deviation over mean.
    concurrency: closed-loop clients over all replicas, or the static batch; where `peak` is set, the most requests that
    an open-loop client saw in flight.
    beams: sequences that decode for each request, sharing its prompt (beam search).
    request_rate_per_s: offered load over all replicas. requests: length of the run, None where unknown.
    ttft_limit_s, tpot_limit_s: p99 limits that the load type imposes (MLPerf), None elsewhere.
    assumptions: what the row left open and how it was filled, each with its source.
    """

    row_id: str
    model: str
    accelerator: str
    engine: str
    engine_version: str
    engine_year: float
    weights: str
    kv_cache: str
    pool: Pool
    prompt_tokens: float
    output_tokens: float
    load_type: LoadType
    prefill: Pool | None = None
    concurrency: int | None = None
    request_rate_per_s: float | None = None
    requests: int | None = None
    beams: int = 1
    peak: bool = False
    draft: str = ""
    draft_tokens: int = 0
    prompt_cv: float = 0.0
    output_cv: float = 0.0
    ttft_limit_s: float | None = None
    tpot_limit_s: float | None = None
    assumptions: tuple[Assumption, ...] = ()
