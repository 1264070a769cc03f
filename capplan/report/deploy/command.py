"""The launch command of the replicas of a plan, with flags that the engine's version knows and no others."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.catalog.accelerators import accelerator
from capplan.catalog.launch import Launch, launch
from capplan.catalog.models import model
from capplan.errors import UserError
from capplan.plan.deployment import deployment
from capplan.plan.load import load
from capplan.plan.rows import layout_of
from capplan.reasoning.scene import query_of
from capplan.report.deploy import apart

if TYPE_CHECKING:
    from capplan.engine.layout import Layout
    from capplan.plan import Plan
    from capplan.plan.deployment import Deployment
    from capplan.scenario.schema import Scenario

# Of a thousand requests one may be longer than the context that is reserved.
_LONGEST = 0.999
_CONTEXT_STEP = 1024


@dataclass(frozen=True)
class Command:
    """What starts each replica of a pool. words: the command line. config: the file that it reads besides, None
    without one. notes: what the reader has to see to, one sentence each. gpus, nodes: of one replica; replicas: of the
    pool, spares included. role: prefill or decode, empty where one pool does both. model: as the engine finds it."""

    launch: Launch
    model: str
    words: tuple[str, ...]
    gpus: int
    nodes: int
    replicas: int
    role: str = ""
    config: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """For a shell, one flag a line."""
        return shell_line(self.words)


def shell_line(words: Sequence[str]) -> str:
    """Words for a shell, one flag a line."""
    flags = [at for at, word in enumerate(words) if word.startswith("-") and word != "-m"] + [len(words)]
    parts = [words[: flags[0]]] + [words[a:b] for a, b in pairwise(flags)]
    return " \\\n  ".join(shlex.join(part) for part in parts)


@dataclass
class _Draft:
    words: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)


CONFIG_FILE = "trtllm-config.yaml"


def commands(plan: Plan) -> tuple[Command, ...]:
    """The launch command of each pool of the plan's replicas: one, or that of prefill and that of decode.

    Raises UserError naming what the engine has no word or flag for, and for engines that nobody launches.
    """
    scenario, row = plan.scenario, plan.row
    if scenario.serving.engine == "textbook":
        raise UserError(f"{scenario.name}: the textbook engine is a formula; choose --target vllm, sglang or trtllm")
    engine, replicas = launch(str(row["engine"])), int(row["replicas"])
    if not scenario.serving.disaggregated:
        return (_command(plan, engine, layout_of(row), replicas),)
    apart.router_of(engine)
    prefill, decode, readers = layout_of(row, "prefill_"), layout_of(row), int(row["prefill_replicas"])
    apart.suits(engine, prefill, decode)
    return (
        _command(plan, engine, prefill, readers, apart.PREFILL, (prefill, decode)),
        _command(plan, engine, decode, replicas - readers, apart.DECODE, (prefill, decode)),
    )


def _command(
    plan: Plan,
    engine: Launch,
    layout: Layout,
    replicas: int,
    role: str = "",
    pools: tuple[Layout, Layout] | None = None,
) -> Command:
    """pools: layouts of prefill and of decode, None where one pool does both."""
    scenario = plan.scenario
    served, name = deployment(scenario), hub_name(scenario)
    gpus, node = int(layout.gpus), scenario.serving.node_gpus or accelerator(scenario.gpu).node_gpus
    made = _Draft(shlex.split(engine.command.format(model=shlex.quote(name))))
    _parallel(made, engine, layout)
    _dtypes(made, engine, scenario, served)
    # Prompts come and go in a step or two: as many of them as the engine takes.
    together = served.engine.max_sequences * int(layout.attention_data)
    sequences = together if role == apart.PREFILL else int(plan.row["concurrency"])
    _limits(made, engine, scenario, served, layout, sequences)
    _speculation(made, engine, scenario)
    if pools is not None:
        words, config, notes = apart.told(engine, role, *pools, context_tokens(scenario, served))
        made.words += words
        made.config |= config
        made.notes += notes
    made.words += [engine.flag("host"), "0.0.0.0", engine.flag("port"), str(engine.port)]
    if made.config:
        made.words += [engine.flag("config"), CONFIG_FILE]
    return Command(
        engine, name, tuple(made.words), gpus, math.ceil(gpus / node), replicas, role, made.config or None,
        tuple(made.notes),
    )  # fmt: skip


def hub_name(scenario: Scenario) -> str:
    """The model as the Hugging Face hub names it, else the scenario's own word for it."""
    found = model(scenario.model, base=scenario.path.parent if scenario.path else None)
    given = str(scenario.model) if isinstance(scenario.model, str) else found.name
    return next((alias for alias in (given, *found.aliases) if "/" in alias and not alias.endswith(".json")), given)


def _parallel(made: _Draft, engine: Launch, layout: Layout) -> None:
    tensor, ranks = int(layout.tensor), int(layout.attention_data)
    stages, experts = int(layout.pipeline), int(layout.expert)
    stage = tensor * ranks
    if engine.name == "vllm":
        made.words += [engine.flag("tensor_parallel"), str(tensor)]
        made.words += [engine.flag("attention_data_parallel"), str(ranks)] if ranks > 1 else []
        if experts > 1:
            _whole(engine, experts, stage)
            made.words.append(engine.flag("expert_parallel"))
    else:
        # Here the tensor degree counts all GPUs of a stage, however attention is spread over them.
        made.words += [engine.flag("tensor_parallel"), str(stage)]
        made.words += [engine.flag("expert_parallel"), str(experts)] if experts > 1 else []
        if ranks > 1 and engine.name == "trtllm":
            if tensor > 1:
                raise UserError(f"{engine.title} spreads attention over all GPUs or none: tensor_parallel {tensor} "
                                f"with attention_data_parallel {ranks} cannot be told to it")  # fmt: skip
            made.config["enable_attention_dp"] = True
        elif ranks > 1:
            made.words += [engine.flag("attention_data_parallel"), str(ranks), engine.flag("attention_data_switch")]
    made.words += [engine.flag("pipeline_parallel"), str(stages)] if stages > 1 else []


def _whole(engine: Launch, experts: int, gpus: int) -> None:
    if experts != gpus:
        raise UserError(f"{engine.title} spreads experts over all {gpus} GPUs of a stage or none: expert_parallel "
                        f"{experts} cannot be told to it")  # fmt: skip


def _dtypes(made: _Draft, engine: Launch, scenario: Scenario, served: Deployment) -> None:
    weights, cache = scenario.serving.weights, scenario.serving.kv_cache
    native = served.model.architecture.native_weights
    if weights == "bf16" and native == "bf16":
        made.words += [engine.flag("dtype"), "bfloat16"] if "dtype" in engine.flags else []
    elif weights in engine.quantization and native == "bf16":
        made.words += [engine.flag("quantization"), engine.quantization[weights]]
        made.notes.append(f"Weights are quantised to {weights} on loading; a checkpoint in {weights} loads faster.")
    elif not native.endswith(weights) and not native.startswith(weights):
        made.notes.append(f"Serve a checkpoint of {served.model.title} in {weights}: {engine.title} takes the format "
                          "from the checkpoint.")  # fmt: skip
    if cache not in engine.kv_cache:
        raise UserError(f"{engine.title} {engine.version} has no KV cache in {cache}: choose "
                        f"{' or '.join(engine.kv_cache)}")  # fmt: skip
    if engine.name == "trtllm":
        made.config["kv_cache_config"] = {"dtype": engine.kv_cache[cache]}
    else:
        made.words += [engine.flag("kv_cache"), engine.kv_cache[cache]]


def _limits(
    made: _Draft, engine: Launch, scenario: Scenario, served: Deployment, layout: Layout, together: int
) -> None:
    """together: requests of a replica at any time."""
    share = served.engine.memory_utilization
    # vLLM and TensorRT-LLM schedule each attention rank by itself; SGLang counts the replica's requests together.
    sequences = together if engine.name == "sglang" else -(-together // int(layout.attention_data))
    made.words += [engine.flag("context"), str(context_tokens(scenario, served)), engine.flag("memory"), f"{share:g}"]
    made.words += [engine.flag("sequences"), str(max(sequences, 1))]
    made.words += [engine.flag("batched_tokens"), str(served.engine.max_batched_tokens)]
    if scenario.serving.prefix_cache_hit_rate > 0 and "prefix_cache" in engine.flags:
        made.words.append(engine.flag("prefix_cache"))
    made.words += [engine.flag("metrics")] if "metrics" in engine.flags else []


def context_tokens(scenario: Scenario, served: Deployment) -> int:
    """Context to reserve: a prompt that one in a thousand exceeds and the longest output, at most the model's own."""
    asked = load([scenario]).requests
    prompt = float(np.max(query_of(scenario).prompt.quantile_tokens(np.array([_LONGEST]))))
    output = float(asked.longest_tokens[0] - asked.prompt_tokens[0])
    wanted = max(prompt, float(asked.prompt_tokens[0])) + max(output, float(asked.output_tokens[0]))
    rounded = int(-(-wanted // _CONTEXT_STEP) * _CONTEXT_STEP)
    limit = served.model.architecture.max_context
    return min(rounded, limit) if limit else rounded


def _speculation(made: _Draft, engine: Launch, scenario: Scenario) -> None:
    draft = scenario.serving.speculative_decoding
    if draft is None:
        return
    heads = {"mtp", "eagle", "eagle3", "medusa", "ngram"}
    small = None if draft.draft in heads else hub_name(scenario.having({"model": draft.draft}))
    if "speculation" in engine.flags:
        spoken: dict[str, Any] = {"num_speculative_tokens": draft.tokens}
        spoken |= {"model": small} if small else {"method": draft.draft}
        made.words += [engine.flag("speculation"), json.dumps(spoken)]
    elif small is None and draft.draft in engine.drafts:
        made.words += [engine.flag("draft_algorithm"), engine.drafts[draft.draft]]
        made.words += [engine.flag("draft_steps"), str(draft.tokens), engine.flag("draft_width"), "1"]
        made.words += [engine.flag("draft_tokens"), str(draft.tokens + 1)]
    else:
        raise UserError(f"{engine.title} {engine.version}: no flag is known for drafts by {small or draft.draft}")
    if draft.draft in ("eagle", "eagle3", "medusa"):
        made.notes.append(f"Add the path of the {draft.draft} head that was trained for this model.")
