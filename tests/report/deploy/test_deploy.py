"""What people run: flags that the engines know, and manifests that Kubernetes accepts."""

import copy
import json
import math
import shlex
from pathlib import Path

import jsonschema
import pytest

from capplan.catalog.launch import launch, names
from capplan.errors import UserError
from capplan.plan import Plan, plan
from capplan.plan.deployment import deployment
from capplan.report.deploy.command import Command, commands, context_tokens
from capplan.report.deploy.manifest import manifests
from capplan.report.deploy.script import script
from capplan.scenario.loader import load, loads

from .conftest import Accepted

ROOT = Path(__file__).parents[3]
CHAT = ROOT / "scenarios" / "optimize-chat.yaml"


def planned(*settings: str) -> Plan:
    return plan(load(CHAT, settings))


def command(one: Plan) -> Command:
    """Of the plan's only pool."""
    (made,) = commands(one)
    return made


def option(words: tuple[str, ...], flag: str) -> str:
    return words[words.index(flag) + 1]


@pytest.mark.parametrize("engine", names())
@pytest.mark.parametrize("weights", ["bf16", "fp8"])
@pytest.mark.parametrize("stages", [1, 2])
def test_only_flags_that_the_engine_knows_are_used(engine: str, weights: str, stages: int) -> None:
    made = command(planned(f"serving.engine={engine}", f"serving.weights={weights}", "serving.tensor_parallel=4",
                           f"serving.pipeline_parallel={stages}"))  # fmt: skip
    known = {*launch(engine).flags.values(), "--model-path"}
    assert {word for word in made.words if word.startswith("--")} <= known
    assert made.gpus == 4 * stages


def test_the_command_carries_the_plans_parallelism_dtypes_context_and_limits() -> None:
    made = planned("serving.tensor_parallel=4", "serving.concurrency=96", "serving.memory_utilization=85 %")
    words = command(made).words
    assert words[:3] == ("vllm", "serve", "meta-llama/Llama-3.3-70B-Instruct")
    assert option(words, "--tensor-parallel-size") == "4"
    assert option(words, "--max-num-seqs") == "96"
    assert option(words, "--gpu-memory-utilization") == "0.85"
    assert option(words, "--kv-cache-dtype") == "fp8"
    assert option(words, "--quantization") == "fp8"
    assert "--enable-prefix-caching" in words


def test_the_context_holds_nearly_every_request_and_never_more_than_the_model() -> None:
    short = load(CHAT, ["workload.prompt_tokens=1000", "workload.answer_tokens=100"])
    assert context_tokens(short, deployment(short)) == 2048
    long = load(CHAT, ["workload.prompt_tokens=130000", "workload.answer_tokens=3000"])
    assert context_tokens(long, deployment(long)) == 131072


def test_a_mixture_of_experts_with_attention_data_parallelism_says_so_in_each_engines_own_way() -> None:
    text = """{version: 1, model: deepseek-r1, gpu: h200-sxm, workload: {qps: 1}, serving: {engine: ENGINE,
        tensor_parallel: 1, attention_data_parallel: 8, expert_parallel: 8, pipeline_parallel: 1, concurrency: 64}}"""
    made = {engine: command(plan(loads(text.replace("ENGINE", engine)))) for engine in names()}
    vllm, sglang, trtllm = (made[engine].words for engine in ("vllm", "sglang", "trtllm"))
    assert option(vllm, "--tensor-parallel-size") == "1" and option(vllm, "--data-parallel-size") == "8"
    assert "--enable-expert-parallel" in vllm and option(vllm, "--max-num-seqs") == "8"
    assert option(sglang, "--tp-size") == option(sglang, "--dp-size") == option(sglang, "--ep-size") == "8"
    assert "--enable-dp-attention" in sglang and option(sglang, "--max-running-requests") == "64"
    assert option(trtllm, "--tp_size") == "8" and made["trtllm"].config == {
        "enable_attention_dp": True, "kv_cache_config": {"dtype": "fp8"},
    }  # fmt: skip
    assert all(one.gpus == 8 for one in made.values())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["serving.kv_cache=fp4", "serving.tensor_parallel=4"], "no KV cache in fp4"),
        (["serving.engine=textbook"], "a formula"),
        (["serving.speculative_decoding={draft: medusa}", "serving.engine=trtllm"], "no flag is known for drafts"),
    ],
)
def test_what_an_engine_does_not_know_is_refused_not_invented(settings: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        command(planned(*settings))


def test_experts_that_vllm_cannot_spread_so_are_refused() -> None:
    text = "{version: 1, model: mixtral-8x7b, workload: {qps: 1}, serving: {tensor_parallel: 4, expert_parallel: 2}}"
    with pytest.raises(UserError, match="cannot be told"):
        command(plan(loads(text)))


def test_speculation_is_told_in_json_that_a_shell_leaves_alone() -> None:
    made = command(planned("serving.speculative_decoding={draft: llama-3.1-8b, tokens: 4}"))
    line = next(line for line in script([made]).splitlines() if "--speculative-config" in line)
    spoken = json.loads(shlex.split(line.removesuffix("\\"))[1])
    assert spoken == {"num_speculative_tokens": 4, "model": "meta-llama/Llama-3.1-8B-Instruct"}


def test_a_script_runs_in_a_shell_as_it_stands() -> None:
    made = command(planned("serving.engine=trtllm"))
    assert shlex.split(script([made]).partition("\nEND\n")[2].replace("\\\n", " ")) == list(made.words)


@pytest.mark.parametrize("engine", names())
def test_manifests_pass_the_schemas_of_kubernetes(engine: str, accepted: Accepted) -> None:
    objects, _ = manifests(planned(f"serving.engine={engine}"))
    kinds = [one["kind"] for one in objects]
    assert kinds[-1] == ("Service" if engine == "trtllm" else "HorizontalPodAutoscaler")
    for one in objects:
        accepted(one)
    pods = next(one for one in objects if one["kind"] == "Deployment")["spec"]
    made = planned(f"serving.engine={engine}")
    assert pods["replicas"] == made.row["replicas"]
    limits = pods["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"nvidia.com/gpu": command(made).gpus}


SPANNING = ("serving.engine=sglang", "serving.tensor_parallel=8", "serving.pipeline_parallel=2")


@pytest.mark.parametrize("kind", ["Deployment", "LeaderWorkerSet"])
@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("spec", "replcas"), 3),
        (("spec", "replicas"), "3"),
        (("metadata", "labels", "number"), 3),
        (("spec", "leaderWorkerTemplate", "restartPolicy"), "Always"),
        (("spec", "leaderWorkerTemplate", "leaderTemplate", "spec", "contaners"), []),
    ],
)
def test_a_manifest_that_kubernetes_would_refuse_is_seen_by_that_test(
    kind: str, place: tuple[str, ...], value: object, accepted: Accepted
) -> None:
    objects, _ = manifests(planned(*(SPANNING if kind == "LeaderWorkerSet" else ())))
    broken = copy.deepcopy(next(one for one in objects if one["kind"] == kind))
    accepted(broken)
    inner = broken
    for name in place[:-1]:
        inner = inner.setdefault(name, {})
    inner[place[-1]] = value
    with pytest.raises(jsonschema.ValidationError, match=r"replcas|'3'|not of type|Always|contaners|Template"):
        accepted(broken)


def test_a_replica_over_two_nodes_is_a_group_of_leader_and_workers(accepted: Accepted) -> None:
    objects, notes = manifests(planned(*SPANNING))
    for one in objects:
        accepted(one)
    group = next(one for one in objects if one["kind"] == "LeaderWorkerSet")
    inner = group["spec"]["leaderWorkerTemplate"]
    assert inner["size"] == 2
    for template in (inner["leaderTemplate"], inner["workerTemplate"]):
        assert template["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": 8}
        assert "--node-rank" in template["spec"]["containers"][0]["command"]
    scaler = next(one for one in objects if one["kind"] == "HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"]["kind"] == "LeaderWorkerSet"
    assert any("controller has to be installed" in note for note in notes)
    with pytest.raises(UserError, match="launcher of its own"):
        manifests(planned(*SPANNING[1:]))


def test_the_service_of_groups_leaves_their_own_name_to_the_controller() -> None:
    # It makes a headless Service of that name, by which workers find their leader.
    objects, _ = manifests(planned(*SPANNING))
    names_of = {one["kind"]: one["metadata"]["name"] for one in objects}
    assert names_of["Service"] != names_of["LeaderWorkerSet"]


def test_a_script_says_how_a_replica_over_two_nodes_is_started() -> None:
    assert "--nnodes 2 --node-rank 0..1" in script(commands(planned(*SPANNING)))
    assert "launcher of its own" in script(commands(planned(*SPANNING[1:])))


def test_the_autoscaler_goes_from_the_mean_fleet_to_that_of_the_peak() -> None:
    made = planned()
    scaler = next(one for one in manifests(made)[0] if one["kind"] == "HorizontalPodAutoscaler")["spec"]
    assert scaler["maxReplicas"] == made.row["replicas"]
    assert scaler["minReplicas"] == math.ceil(made.row["replicas"] / made.scenario.workload.peak_to_mean)


def test_amd_accelerators_get_their_own_image_and_resource() -> None:
    objects, _ = manifests(planned("gpu=mi300x", "serving.tensor_parallel=2"))
    container = objects[0]["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"] == {"amd.com/gpu": 2} and "rocm" in container["image"]
    with pytest.raises(UserError, match="has no image for AMD"):
        manifests(planned("gpu=mi300x", "serving.engine=trtllm"))


def test_chips_without_a_kubernetes_resource_are_refused() -> None:
    with pytest.raises(UserError, match="no Kubernetes resource name"):
        manifests(planned("gpu=gaudi-3", "cost.purchase_price=10000 USD"))
