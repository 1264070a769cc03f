"""Every column that a report can have: what it is called, its unit, how it is shown and which way is better.

A new metric is one row here; every format, the schema and the glossary loop over `METRICS`.
"""

from capplan.records import dataclass


@dataclass(frozen=True)
class Metric:
    """One column of a report.

    name: the key in JSON and CSV, which ends in its unit. label: the heading in tables.
    unit: how values are held, and so how they are shown (`report/show.py`): text, flag, count, tokens, s, j,
    ratio, times, per_s, usd (a year's money, `Decimal`), usd_each (money of one unit), kwh, kg,
    tflop (held in FLOP, shown in 1e12).
    better: `lower`, `higher` or empty where neither is.
    group: `candidate` columns say which plan it is and stand even where the plan cannot be; the others are results.
    """

    name: str
    label: str
    unit: str
    better: str
    group: str
    help: str


METRICS: tuple[Metric, ...] = (
    Metric("k", "K", "count", "", "candidate", "Sequential reasoning steps before the answer."),
    Metric("samples", "samples", "count", "", "candidate", "Answers generated in parallel for one query."),
    Metric("strategy", "strategy", "text", "", "candidate", "How the model is made to reason."),
    Metric("model", "model", "text", "", "candidate", "Model that is served."),
    Metric("gpu", "GPU", "text", "", "candidate", "Accelerator that serves it."),
    Metric("weights", "weights", "text", "", "candidate", "Number format of the weights."),
    Metric("kv_cache", "KV cache", "text", "", "candidate", "Number format of the KV cache."),
    Metric("engine", "engine", "text", "", "candidate", "Serving engine whose overheads and limits apply."),
    Metric("tensor_parallel", "TP", "count", "", "candidate", "GPUs that share every layer of a replica."),
    Metric("pipeline_parallel", "PP", "count", "", "candidate", "Stages that a replica's layers are cut into."),
    Metric("expert_parallel", "EP", "count", "", "candidate", "GPUs that the experts of a layer are spread over."),
    Metric("concurrency", "concurrency", "count", "higher", "throughput", "Sequences in flight per replica."),
    Metric("prompt_tokens", "prompt tokens", "tokens", "", "candidate", "Mean tokens that a query brings."),
    Metric("thinking_tokens", "thinking tokens", "tokens", "lower", "candidate",
           "Mean tokens thought one after another before the answer."),
    Metric("answer_tokens", "answer tokens", "tokens", "", "candidate", "Mean tokens of the answer itself."),
    Metric("output_tokens", "output tokens", "tokens", "lower", "candidate",
           "Mean tokens decoded for one query, over all its samples, thinking included."),
    Metric("ttft_s", "TTFT", "s", "lower", "latency",
           "Time to first token: request sent to the first token of any kind, queueing included (mean)."),
    Metric("itl_s", "ITL", "s", "lower", "latency",
           "Inter-token latency: mean time between the output tokens of one request after its first (TPOT)."),
    Metric("ttfo_s", "TTFO", "s", "lower", "latency",
           "Time to first output: request sent to the first answer (non-thinking) token (mean)."),
    Metric("tta_s", "TTA", "s", "lower", "latency",
           "Time to answer: request sent to the complete answer, all stages of the strategy (mean)."),
    Metric("tta_p95_s", "TTA p95", "s", "lower", "latency", "Time to answer that 95 of 100 queries do not exceed."),
    Metric("tta_p99_s", "TTA p99", "s", "lower", "latency", "Time to answer that 99 of 100 queries do not exceed."),
    Metric("energy_j_per_query", "energy/query", "j", "lower", "energy", "Energy from the grid for one query."),
    Metric("latency_multiplier", "latency", "times", "lower", "multiplier",
           "Time to answer at concurrency 1, relative to the first row that can be."),
    Metric("token_multiplier", "tokens", "times", "lower", "multiplier", "Output tokens relative to the first row."),
    Metric("fleet_multiplier", "fleet", "times", "lower", "multiplier", "GPUs relative to the first row."),
    Metric("cost_multiplier", "cost", "times", "lower", "multiplier", "Yearly cost relative to the first row."),
    Metric("requests_per_s_per_replica", "queries/s per replica", "per_s", "higher", "throughput",
           "Queries that one replica completes a second in steady state."),
    Metric("output_tokens_per_s_per_gpu", "tokens/s per GPU", "per_s", "higher", "throughput",
           "Tokens that one GPU decodes a second in steady state."),
    Metric("replicas", "replicas", "count", "lower", "fleet", "Copies of the model that serve, spares included."),
    Metric("gpus", "GPUs", "count", "lower", "fleet", "GPUs that are bought or rented."),
    Metric("nodes", "nodes", "count", "lower", "fleet", "Whole servers that hold the GPUs."),
    Metric("utilization", "utilisation", "ratio", "", "fleet",
           "Share of what the replicas can serve that the mean load uses."),
    Metric("annual_tco_usd", "USD/year", "usd", "lower", "cost", "Total cost of ownership of one year."),
    Metric("capex_usd_per_year", "capex/year", "usd", "lower", "cost", "Purchase, spread over its years of use."),
    Metric("energy_usd_per_year", "energy/year", "usd", "lower", "cost", "Electricity of servers and cooling."),
    Metric("maintenance_usd_per_year", "maintenance/year", "usd", "lower", "cost", "Upkeep and repair."),
    Metric("rent_usd_per_year", "rent/year", "usd", "lower", "cost", "Hire of GPUs, where they are not owned."),
    Metric("usd_per_1k_queries", "USD/1k queries", "usd_each", "lower", "cost", "Yearly cost over 1,000 queries."),
    Metric("usd_per_m_output_tokens", "USD/M tokens", "usd_each", "lower", "cost",
           "Yearly cost over millions of output tokens."),
    Metric("accuracy", "accuracy", "ratio", "higher", "quality", "Share of queries answered correctly."),
    Metric("usd_per_correct_answer", "USD/correct answer", "usd_each", "lower", "quality",
           "Yearly cost over the queries answered correctly."),
    Metric("annual_kwh", "kWh/year", "kwh", "lower", "energy", "Electricity of servers and cooling."),
    Metric("annual_kg_co2e", "kg CO2e/year", "kg", "lower", "energy", "Emissions of that electricity."),
    Metric("feasible", "feasible", "flag", "", "candidate", "Whether the plan fits and meets every target."),
    Metric("bottleneck", "bottleneck", "text", "", "candidate",
           "What limits the plan, or the constraint that it breaks."),
)  # fmt: skip

# Columns that some reports have beside the contract's.
FURTHER = (
    Metric("attention_data_parallel", "ADP", "count", "", "candidate",
           "Groups of GPUs that hold attention whole, each for its own sequences."),
    Metric("thinking_usd_per_year", "thinking/year", "usd", "lower", "cost", "Cost of the year by tokens: thinking."),
    Metric("answer_usd_per_year", "answers/year", "usd", "lower", "cost", "Cost of the year by tokens: answers."),
    Metric("usd_per_m_thinking_tokens", "USD/M thinking tokens", "usd_each", "lower", "cost",
           "Cost of thinking over millions of its tokens."),
    Metric("usd_per_m_answer_tokens", "USD/M answer tokens", "usd_each", "lower", "cost",
           "Cost of answers over millions of their tokens."),
    Metric("usd_per_m_visible_tokens", "USD/M visible tokens", "usd_each", "lower", "cost",
           "Whole cost over millions of tokens that a user reads."),
    Metric("usd_per_user_month", "USD/user and month", "usd_each", "lower", "cost",
           "Cost of one user's queries a month."),
    Metric("kwh_per_query", "kWh/query", "each", "lower", "energy", "Electricity of one query, cooling included."),
    Metric("kg_co2e_per_query", "kg CO2e/query", "each", "lower", "energy", "Emissions of that electricity."),
    Metric("annual_water_l", "litres of water/year", "kwh", "lower", "energy", "Water for making the electricity."),
    Metric("water_l_per_query", "litres of water/query", "each", "lower", "energy", "The same for one query."),
    Metric("embodied_kg_co2e_per_year", "embodied kg CO2e/year", "kg", "lower", "energy",
           "Emissions of making the boards, spread over their years of use."),
    Metric("next_k_usd_per_year", "next step/year", "usd", "lower", "cost",
           "What one more reasoning step costs a year."),
    Metric("next_k_usd_per_1k_queries", "next step/1k queries", "usd_each", "lower", "cost",
           "What one more reasoning step costs for 1,000 queries; fleets are whole nodes."),
    Metric("next_k_gpus", "next step's GPUs", "count", "lower", "fleet", "GPUs that one more reasoning step takes."),
    Metric("verifier_replicas", "verifier replicas", "count", "lower", "fleet",
           "Copies of the model that judges, beside those that serve."),
    Metric("spare_replicas", "of them spare", "count", "lower", "fleet",
           "Replicas beyond those that the load needs, for failures and evictions."),
    Metric("mean_replicas", "mean replicas", "tokens", "lower", "fleet",
           "Replicas over the day, where they follow its load; `replicas` stand in its busiest part."),
    Metric("redone_tokens", "redone tokens", "tokens", "lower", "throughput",
           "Mean tokens of a query that are written again because an eviction lost them."),
    Metric("band_low", "at least times", "ratio", "", "latency",
           "Lower end of the 80 % interval of throughput and latencies, as a factor on each."),
    Metric("band_high", "at most times", "ratio", "", "latency", "Upper end of the same interval."),
    Metric("extrapolates", "extrapolates", "text", "", "latency",
           "What lies beyond the measured range, so that the interval is wider; empty inside it."),
    Metric("part", "part", "text", "", "candidate", "What a row stands for: winner, runner-up, frontier, nearest ..."),
    Metric("pricing", "pricing", "text", "", "candidate", "How the fleet is paid for."),
    Metric("speculative_decoding", "drafts", "text", "", "candidate", "What proposes tokens, and how many at once."),
    Metric("behind", "behind", "text", "", "candidate", "What a plan loses on against the winner, or what it serves."),
    Metric("pool", "pool", "text", "", "candidate", "Part of the fleet that serves one tier, or all queries."),
    Metric("policy", "policy", "text", "", "candidate", "Policy on thinking that this row adds to those above it."),
    Metric("change_usd_per_year", "change/year", "usd", "lower", "cost", "Cost of the year against the row above."),
    Metric("share", "share", "ratio", "", "candidate", "Share of the queries that come here."),
    Metric("accuracy_low", "at least", "ratio", "higher", "quality", "Lower end of the accuracy's 90 % interval."),
    Metric("accuracy_high", "at most", "ratio", "higher", "quality", "Upper end of the accuracy's 90 % interval."),
    Metric("accuracy_status", "known by", "text", "", "quality",
           "published (this very figure), fitted (inside published points), extrapolated, or given (by the scenario)."),
    Metric("accuracy_metric", "metric", "text", "", "quality", "pass@1, cons@N, best-of-N, ..."),
    Metric("frontier", "frontier", "flag", "", "quality",
           "Nothing else that can be is as cheap, as fast and as accurate, and better in one of them."),
    Metric("flop_per_query", "TFLOP/query", "tflop", "lower", "throughput",
           "Arithmetic of one query, attention counted."),
    Metric("usd_per_1k_queries_per_point", "USD/1k per point", "usd_each", "lower", "quality",
           "What one more point of accuracy costs per 1,000 queries, along the cheapest rows of each accuracy."),
    Metric("class", "class", "text", "", "candidate", "Kind of request, as the trace names it; all together first."),
    Metric("statistic", "statistic", "text", "", "candidate", "Mean or percentile that the latencies of a row are."),
    Metric("configuration", "configuration", "text", "", "candidate", "How the fleet serves: what is switched on."),
    Metric("replicas_by_pool", "replicas by pool", "text", "", "fleet", "Replicas for easy and for hard queries."),
    Metric("queries_per_s", "queries/s", "per_s", "higher", "throughput", "Queries a second of a flooded fleet."),
    Metric("output_tokens_per_s", "tokens/s", "per_s", "higher", "throughput", "Output tokens a second, whole fleet."),
    Metric("throughput_ratio", "tokens/s ratio", "times", "higher", "throughput", "Tokens/s over the first row's."),
    Metric("tta_ratio", "TTA ratio", "times", "lower", "latency", "Mean TTA over the first row's."),
    Metric("tta_p99_ratio", "TTA p99 ratio", "times", "lower", "latency", "p99 of TTA over the first row's."),
    Metric("ttft_p95_s", "TTFT p95", "s", "lower", "latency", "Time to first token that 95 of 100 do not exceed."),
    Metric("itl_p95_s", "ITL p95", "s", "lower", "latency", "Mean ITL of a request that 95 of 100 do not exceed."),
    Metric("prefill_replicas", "prefill replicas", "count", "lower", "fleet",
           "Of the replicas, those that only read prompts, spares included (disaggregated)."),
    Metric("prefill_nodes", "prefill nodes", "count", "lower", "fleet", "Of the nodes, those of the prefill pool."),
    Metric("prefill_tensor_parallel", "prefill TP", "count", "", "fleet", "GPUs that share every layer in prefill."),
    Metric("prefill_pipeline_parallel", "prefill PP", "count", "", "fleet", "Stages of a prefill replica."),
    Metric("prefill_expert_parallel", "prefill EP", "count", "", "fleet",
           "GPUs that the experts of a layer are spread over in prefill."),
    Metric("prefill_attention_data_parallel", "prefill ADP", "count", "", "fleet",
           "Groups of a prefill replica that hold attention whole."),
    Metric("kv_transfer_s", "KV transfer", "s", "lower", "latency",
           "A prompt's KV cache on its way from prefill to decode; part of TTFT."),
    Metric("simulated_ttft_s", "TTFT simulated", "s", "lower", "latency",
           "The plan's replicas under the traffic of the busiest hour, simulated: TTFT."),
    Metric("simulated_ttft_p95_s", "TTFT p95 simulated", "s", "lower", "latency",
           "The plan's replicas under the traffic of the busiest hour, simulated: TTFT p95."),
    Metric("simulated_itl_p95_s", "ITL p95 simulated", "s", "lower", "latency",
           "The plan's replicas under the traffic of the busiest hour, simulated: ITL p95."),
    Metric("simulated_tta_s", "TTA simulated", "s", "lower", "latency",
           "The plan's replicas under the traffic of the busiest hour, simulated: TTA."),
    Metric("simulated_tta_p95_s", "TTA p95 simulated", "s", "lower", "latency",
           "The plan's replicas under the traffic of the busiest hour, simulated: TTA p95."),
    Metric("simulated_tta_p99_s", "TTA p99 simulated", "s", "lower", "latency",
           "The plan's replicas under the traffic of the busiest hour, simulated: TTA p99."),
    Metric("tta_low_s", "TTA from", "s", "lower", "latency", "Lower end of the 95 % interval of the simulated TTA."),
    Metric("tta_high_s", "TTA to", "s", "lower", "latency", "Upper end of the 95 % interval of the simulated TTA."),
    Metric("planned_tta_s", "TTA planned", "s", "lower", "latency", "What the plan's formulas say of the same TTA."),
    Metric("api_usd_per_year", "API USD/year", "usd", "lower", "candidate", "What the same queries cost at the API."),
    Metric("api_usd_per_1k_queries", "API USD/1k queries", "usd_each", "lower", "candidate",
           "What 1,000 of the same queries cost at the API."),
    Metric("queries_per_month", "queries/month", "tokens", "", "candidate", "Volume that both bills are for."),
    Metric("naive_queries_per_month", "naive break-even", "tokens", "lower", "cost",
           "Volume at which the smallest fleet costs as much as the API, whatever it can serve."),
    Metric("first_queries_per_month", "first break-even", "tokens", "lower", "cost",
           "Smallest volume at which self-hosting is the cheaper."),
    Metric("stays_queries_per_month", "break-even", "tokens", "lower", "cost",
           "Volume from which self-hosting stays the cheaper."),
    Metric("breakeven", "break-even at", "each", "", "cost", "Where the answer flips, in the unit of the row."),
    Metric("fleet_usd_per_month", "fleet USD/month", "usd", "lower", "cost", "What self-hosting costs a month."),
    Metric("api_usd_per_month", "API USD/month", "usd", "lower", "candidate", "What the API costs a month."),
    Metric("purchases_usd", "bought USD", "usd", "lower", "cost", "Paid for hardware in the year."),
    Metric("rent_usd", "rent USD", "usd", "lower", "cost", "Paid for hire in the year."),
    Metric("running_usd", "running USD", "usd", "lower", "cost", "Paid for energy, upkeep and all else in the year."),
    Metric("total_usd", "total USD", "usd", "lower", "cost", "All that is paid in the year, or over all years."),
    Metric("present_usd", "present USD", "usd", "lower", "cost", "The year's payments, discounted to today."),
    Metric("residual_usd", "residual USD", "usd", "higher", "cost", "What the hardware is still worth at the end."),
    Metric("npv_usd", "net present cost", "usd", "lower", "cost", "Discounted payments less what is left at the end."),
    Metric("nodes_bought", "nodes bought", "count", "lower", "fleet", "Nodes that are bought in the month."),
    Metric("possible", "possible", "ratio", "higher", "quality", "Share of the worlds in which the plan can be."),
    Metric("mean_usd", "mean USD/year", "usd", "lower", "cost", "Yearly cost in the mean of the worlds."),
    Metric("odds_sized", "odds, sized", "ratio", "higher", "quality",
           "Share of the worlds in which the target holds, the fleet sized for the world."),
    Metric("odds_kept", "odds, kept", "ratio", "higher", "quality",
           "Share of the worlds in which the target holds with the plan's own fleet."),
    Metric("low_usd", "USD/year at low", "usd", "lower", "cost", "Yearly cost with one input at its low point."),
    Metric("high_usd", "USD/year at high", "usd", "lower", "cost", "Yearly cost with one input at its high point."),
    Metric("low_gpus", "GPUs at low", "count", "lower", "fleet", "GPUs with one input at its low point."),
    Metric("high_gpus", "GPUs at high", "count", "lower", "fleet", "GPUs with one input at its high point."),
    Metric("regret_p95_usd", "regret p95", "usd", "lower", "cost",
           "Cost above that of the best candidate of the world, which 95 of 100 worlds do not exceed."),
    Metric("regret_mean_usd", "mean regret", "usd", "lower", "cost", "The same in the mean."),
    Metric("best", "cheapest in", "ratio", "higher", "quality", "Share of the worlds in which it is the cheapest."),
)  # fmt: skip

BY_NAME = {metric.name: metric for metric in (*METRICS, *FURTHER)}

# Columns of the terminal and Markdown tables, by kind of report; CSV and JSON always have them all.
VIEWS: dict[str, tuple[str, ...]] = {
    "sweep": (
        "ttft_s", "itl_s", "tta_s", "output_tokens", "concurrency", "replicas", "prefill_replicas", "gpus",
        "annual_tco_usd", "latency_multiplier", "token_multiplier", "fleet_multiplier", "cost_multiplier",
    ),
    "crossover": ("tta_s", "output_tokens", "gpus", "annual_tco_usd", "usd_per_1k_queries"),
    "strategies": (
        "accuracy", "accuracy_low", "accuracy_high", "accuracy_status", "tta_s", "output_tokens",
        "energy_j_per_query", "gpus", "annual_tco_usd", "usd_per_correct_answer", "usd_per_1k_queries_per_point",
        "frontier",
    ),
    "compute": (
        "thinking_tokens", "flop_per_query", "annual_tco_usd", "usd_per_1k_queries", "tta_s", "gpus",
        "accuracy", "accuracy_low", "accuracy_high", "accuracy_status", "usd_per_correct_answer",
    ),
    "policies": (
        "thinking_tokens", "output_tokens", "concurrency", "tta_s", "tta_p99_s", "gpus", "annual_tco_usd",
        "change_usd_per_year", "accuracy", "accuracy_low", "accuracy_high", "accuracy_status", "usd_per_correct_answer",
    ),
    "route": (
        "share", "tta_s", "output_tokens", "replicas", "gpus", "annual_tco_usd", "usd_per_1k_queries", "accuracy",
    ),
    "simulate": ("ttft_s", "itl_s", "ttfo_s", "tta_s", "tta_low_s", "tta_high_s", "planned_tta_s"),
    "simulate-study": (
        "replicas_by_pool", "queries_per_s", "output_tokens_per_s", "tta_s", "tta_p99_s",
        "throughput_ratio", "tta_ratio", "tta_p99_ratio",
    ),
}  # fmt: skip

# What tells one plan of a report from another, in the order in which readers look for it.
IDENTITY = (
    "strategy", "k", "samples", "model", "gpu", "weights", "kv_cache", "engine",
    "tensor_parallel", "pipeline_parallel", "expert_parallel", "attention_data_parallel",
)  # fmt: skip


def metric(name: str) -> Metric:
    """The metric of a column; a column that is no metric is a swept scenario key, shown as it is."""
    return BY_NAME.get(name) or Metric(name, name, "text", "", "candidate", f"Value of `{name}` in this row.")
