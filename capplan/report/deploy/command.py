"""The launch command of one replica of a plan, with flags that the engine's version knows and no others."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from capplan.catalog.launch import Launch, launch
from capplan.catalog.models import model
from capplan.errors import UserError
from capplan.plan.deployment import deployment
from capplan.plan.load import load
from capplan.reasoning.scene import query_of

if TYPE_CHECKING:
    from capplan.plan import Plan
    from capplan.plan.deployment import Deployment
    from capplan.scenario.schema import Scenario

# Of a thousand requests one may be longer than the context that is reserved.
_LONGEST = 0.999
_CONTEXT_STEP = 1024


@dataclass(frozen=True)
class Command:
    """What starts one replica. words: the command line. config: the file that it reads besides, None without one.
    notes: what the reader has to see to, one sentence each. gpus: of the replica; model: as the engine finds it."""

    launch: Launch
    model: str
    words: tuple[str, ...]
    gpus: int
    config: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """For a shell, one flag a line."""
        flags = [at for at, word in enumerate(self.words) if word.startswith("--")] + [len(self.words)]
        parts = [self.words[: flags[0]]] + [self.words[a:b] for a, b in pairwise(flags)]
        return " \\\n  ".join(shlex.join(part) for part in parts)


@dataclass
class _Draft:
    words: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)


CONFIG_FILE = "trtllm-config.yaml"


def command(plan: Plan) -> Command:
    """The launch command of a plan's replicas.

    Raises UserError naming what the engine has no word or flag for, and for engines that nobody launches.
    """
    scenario, row = plan.scenario, plan.row
    if scenario.serving.engine == "textbook":
        raise UserError(f"{scenario.name}: the textbook engine is a formula; choose --target vllm, sglang or trtllm")
    if scenario.serving.disaggregated:
        raise UserError(f"{scenario.name}: prefill and decode on pools of their own need a router, which is not "
                        "written here; capplan tco has the size and layout of both pools")  # fmt: skip
    served, engine = deployment(scenario), launch(str(row["engine"]))
    name = hub_name(scenario)
    made = _Draft(shlex.split(engine.command.format(model=shlex.quote(name))))
    _parallel(made, engine, row)
    _dtypes(made, engine, scenario, served)
    _limits(made, engine, scenario, served, row)
    _speculation(made, engine, scenario)
    made.words += [engine.flag("host"), "0.0.0.0", engine.flag("port"), str(engine.port)]
    if made.config:
        made.words += [engine.flag("config"), CONFIG_FILE]
    degrees = ("tensor_parallel", "pipeline_parallel", "attention_data_parallel")
    gpus = math.prod(int(row[name]) for name in degrees)
    return Command(engine, name, tuple(made.words), gpus, made.config or None, tuple(made.notes))


def hub_name(scenario: Scenario) -> str:
    """The model as the Hugging Face hub names it, else the scenario's own word for it."""
    found = model(scenario.model, base=scenario.path.parent if scenario.path else None)
    given = str(scenario.model) if isinstance(scenario.model, str) else found.name
    return next((alias for alias in (given, *found.aliases) if "/" in alias and not alias.endswith(".json")), given)


def _parallel(made: _Draft, engine: Launch, row: Any) -> None:
    tensor, ranks = int(row["tensor_parallel"]), int(row["attention_data_parallel"])
    stages, experts = int(row["pipeline_parallel"]), int(row["expert_parallel"])
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


def _limits(made: _Draft, engine: Launch, scenario: Scenario, served: Deployment, row: Any) -> None:
    ranks = int(row["attention_data_parallel"])
    share = served.engine.memory_utilization
    # vLLM and TensorRT-LLM schedule each attention rank by itself; SGLang counts the replica's requests together.
    sequences = int(row["concurrency"]) if engine.name == "sglang" else -(-int(row["concurrency"]) // ranks)
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


def shell(made: Command) -> str:
    """The command as a script, its notes as comments and its file before it."""
    return "\n".join(_lines(made)) + "\n"


def _lines(made: Command) -> Iterator[str]:
    yield f"# {made.launch.title} {made.launch.version}: one replica on {made.gpus} GPUs."
    yield from (f"# {note}" for note in made.notes)
    if made.config:
        yield f"cat > {CONFIG_FILE} <<'END'"
        yield from json.dumps(made.config, indent=2).splitlines()
        yield "END"
    yield made.line
