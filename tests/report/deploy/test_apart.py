"""Prefill and decode on pools of their own: two commands and a router that knows every replica."""

import json
import os
import shlex
import subprocess
from dataclasses import replace
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from capplan.catalog.launch import launch, names
from capplan.errors import UserError
from capplan.plan import Plan, plan
from capplan.report.deploy import apart
from capplan.report.deploy.command import Command, commands
from capplan.report.deploy.manifest import manifests
from capplan.report.deploy.script import script
from capplan.scenario.loader import loads
from capplan.scenario.overrides import with_values
from tests.apart import BASE

from .conftest import Accepted

USUAL = {"name": "apart", "workload.peak_to_mean": 1.7}
WORDS = {"prefill", "decode"}


@cache
def planned(engine: str = "vllm", *settings: tuple[str, Any]) -> Plan:
    return plan(with_values(loads(BASE), {**USUAL, "serving.engine": engine, **dict(settings)}))


def pools(engine: str = "vllm", *settings: tuple[str, Any]) -> dict[str, Command]:
    return {made.role: made for made in commands(planned(engine, *settings))}


def option(words: tuple[str, ...], flag: str) -> str:
    return words[words.index(flag) + 1]


def objects_of(engine: str, *settings: tuple[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    made, _ = manifests(planned(engine, *settings))
    return {(one["kind"], one["metadata"]["name"]): one for one in made}


@pytest.mark.parametrize("engine", names())
def test_each_pool_has_its_own_layout_replicas_and_limits(engine: str) -> None:
    row, both = planned(engine).row, pools(engine)
    tensor = launch(engine).flag("tensor_parallel")
    assert both["prefill"].gpus == 2 and option(both["prefill"].words, tensor) == "2"
    assert both["decode"].gpus == 4 and option(both["decode"].words, tensor) == "4"
    assert both["prefill"].replicas == row["prefill_replicas"]
    assert both["prefill"].replicas + both["decode"].replicas == row["replicas"]
    sequences = launch(engine).flag("sequences")
    assert option(both["decode"].words, sequences) == str(row["concurrency"])
    assert option(both["prefill"].words, sequences) != option(both["decode"].words, sequences)


@pytest.mark.parametrize("engine", names())
def test_only_flags_that_the_engine_and_its_router_know_are_used(engine: str) -> None:
    known, router = launch(engine), launch(engine).router
    assert router is not None
    for made in pools(engine).values():
        told = {word for word in made.words if word.startswith("--")}
        assert told <= {*known.flags.values(), *known.apart.values(), "--model-path"}
    _, _, branch = script(list(pools(engine).values())).partition("\nrouter)\n")
    told = {word for word in shlex.split(branch.partition("\n  ;;")[0].replace("\\\n", " ")) if word.startswith("--")}
    assert told <= {*router.flags.values(), *shlex.split(router.command)}


def test_vllm_names_the_connector_and_the_part_in_json_that_a_shell_leaves_alone() -> None:
    roles = {role: json.loads(option(made.words, "--kv-transfer-config")) for role, made in pools().items()}
    assert roles == {
        "prefill": {"kv_connector": "NixlConnector", "kv_role": "kv_producer"},
        "decode": {"kv_connector": "NixlConnector", "kv_role": "kv_consumer"},
    }
    assert script(list(pools().values())).count('export VLLM_NIXL_SIDE_CHANNEL_HOST="$(hostname -i)"') == 2


def test_sglang_tells_each_pool_what_it_has_to_know_of_the_other() -> None:
    prefill, decode = (pools("sglang")[role].words for role in ("prefill", "decode"))
    assert option(prefill, "--disaggregation-mode") == "prefill"
    assert option(decode, "--disaggregation-mode") == "decode"
    assert option(prefill, "--disaggregation-decode-tp") == "4" and "--disaggregation-decode-dp" not in prefill
    staged = pools("sglang", ("serving.prefill.pipeline_parallel", 2))
    assert option(staged["decode"].words, "--disaggregation-prefill-pp") == "2"
    alike = pools("sglang", ("serving.prefill.tensor_parallel", 4))
    assert "--disaggregation-decode-tp" not in alike["prefill"].words


def test_trtllm_has_files_for_context_and_generation_servers_and_one_that_names_both() -> None:
    prefill, decode = (pools("trtllm")[role].config for role in ("prefill", "decode"))
    assert prefill is not None and decode is not None
    assert prefill["disable_overlap_scheduler"] is True and "disable_overlap_scheduler" not in decode
    assert prefill["cache_transceiver_config"] == decode["cache_transceiver_config"]
    assert prefill["cache_transceiver_config"]["max_tokens_in_buffer"] >= 2048
    row = planned("trtllm").row
    router = objects_of("trtllm")["ConfigMap", "apart-router"]
    served = json.loads(router["data"][apart.ROUTER_FILE])
    urls = served["context_servers"]["urls"]
    assert served["context_servers"]["num_instances"] == len(set(urls)) == row["prefill_replicas"]
    assert urls[0] == "apart-prefill-0.apart-prefill:8000"
    assert served["generation_servers"]["num_instances"] == row["replicas"] - row["prefill_replicas"]


@pytest.mark.parametrize("engine", names())
@pytest.mark.parametrize("part", ["prefill", "decode", "router", "nothing"])
def test_the_script_starts_the_part_that_is_asked_for(engine: str, part: str, tmp_path: Path) -> None:
    """Every program is a stand-in that writes its arguments down."""
    both = pools(engine)
    for name in ("vllm", "python", "trtllm-serve", "vllm-router", "hostname"):
        stand_in = tmp_path / name
        stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$(basename "$0")" "$@"\n', "utf-8")
        stand_in.chmod(0o755)
    text = tmp_path / "fleet.sh"
    text.write_text(script(list(both.values())), "utf-8")
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", str(text), part], cwd=tmp_path, env=path, capture_output=True, text=True)
    if part == "nothing":
        assert done.returncode == 2 and "prefill|decode|router" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    if part in both:
        assert said == list(both[part].words)
    elif engine == "trtllm":
        assert len(json.loads((tmp_path / apart.ROUTER_FILE).read_text("utf-8"))["context_servers"]["urls"]) > 1
    else:
        port = launch(engine).port
        for made in both.values():
            assert all(f"http://{made.role}-{number}:{port}" in said for number in range(made.replicas))


@pytest.mark.parametrize("engine", names())
@pytest.mark.parametrize("nodes", [1, 2])
def test_manifests_of_both_pools_and_the_router_pass_the_schemas(engine: str, nodes: int, accepted: Accepted) -> None:
    settings = (("serving.tensor_parallel", 8), ("serving.node_gpus", 4)) if nodes == 2 else ()
    if nodes == 2 and engine != "sglang":
        with pytest.raises(UserError, match="launcher of its own"):
            objects_of(engine, *settings)
        return
    made = objects_of(engine, *settings)
    for one in made.values():
        accepted(one)
    workloads = {name: kind for kind, name in made if kind in ("Deployment", "StatefulSet", "LeaderWorkerSet")}
    single = "StatefulSet" if engine == "trtllm" else "Deployment"
    assert workloads == {
        "apart-prefill": single, "apart-decode": single if nodes == 1 else "LeaderWorkerSet",
        "apart-router": "Deployment",
    }  # fmt: skip
    replicas = {role: made[workloads[f"apart-{role}"], f"apart-{role}"]["spec"]["replicas"] for role in WORDS}
    assert replicas == {role: one.replicas for role, one in pools(engine, *settings).items()}
    assert len(made) == len(manifests(planned(engine, *settings))[0]), "no two objects share kind and name"


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_the_router_finds_exactly_the_pods_of_each_pool(engine: str) -> None:
    made, router = objects_of(engine), launch(engine).router
    assert router is not None
    pod = made["Deployment", "apart-router"]["spec"]["template"]["spec"]
    words = pod["containers"][0]["command"]
    assert option(words, router.flags["pods_port"]) == str(launch(engine).port)
    for role in WORDS:
        start = words.index(router.flags[f"{role}_pods"]) + 1
        wanted = dict(word.split("=") for word in words[start : start + 2])
        found = [
            name
            for (_, name), one in made.items()
            if wanted.items() <= one.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {}).items()
        ]
        assert found == [f"apart-{role}"]
    role = made["Role", pod["serviceAccountName"]]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
    assert made["Service", "apart"]["spec"]["selector"] == made["Deployment", "apart-router"]["metadata"]["labels"]


def test_prefill_pods_of_sglang_announce_the_port_that_they_listen_on() -> None:
    template = objects_of("sglang")["Deployment", "apart-prefill"]["spec"]["template"]
    port = option(tuple(template["spec"]["containers"][0]["command"]), "--disaggregation-bootstrap-port")
    assert template["metadata"]["annotations"] == {"sglang.ai/bootstrap-port": port}


def test_pods_of_vllm_tell_their_own_address_and_not_that_of_the_host() -> None:
    for role in WORDS:
        container = objects_of("vllm")["Deployment", f"apart-{role}"]["spec"]["template"]["spec"]["containers"][0]
        (variable,) = container["env"]
        assert variable["name"] == "VLLM_NIXL_SIDE_CHANNEL_HOST"
        assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"


def test_each_pool_is_scaled_by_what_its_own_replicas_run_at_the_peak() -> None:
    made, row = objects_of("vllm"), planned().row
    scalers = {role: made["HorizontalPodAutoscaler", f"apart-{role}"]["spec"] for role in WORDS}
    for role, scaler in scalers.items():
        replicas = pools()[role].replicas
        assert scaler["maxReplicas"] == replicas and scaler["minReplicas"] == ceil(replicas / 1.7)
    running = {role: one["metrics"][0]["pods"]["target"]["averageValue"] for role, one in scalers.items()}
    assert running["decode"] == str(int(row["concurrency"] * 0.8))
    # 68 prompts/s over the pool, each for as long as one takes by itself, which is less than until the first token.
    busy = int(running["prefill"].removesuffix("m")) / 1000
    assert 0.2 < busy <= 68 / row["prefill_replicas"] * row["ttft_s"]


def test_layouts_that_an_engine_cannot_move_a_cache_between_are_refused() -> None:
    with pytest.raises(UserError, match="not from 8 to 4"):
        pools("vllm", ("serving.prefill.tensor_parallel", 8))
    with pytest.raises(UserError, match="pipeline stages in a pool for prefill and decode"):
        pools("vllm", ("serving.prefill.pipeline_parallel", 2))
    with pytest.raises(UserError, match="pipeline stages in a pool for decode"):
        pools("sglang", ("serving.pipeline_parallel", 2))
    assert pools("sglang", ("serving.prefill.tensor_parallel", 8))["prefill"].gpus == 8
    assert pools("trtllm", ("serving.prefill.tensor_parallel", 8))["prefill"].gpus == 8


def test_a_version_without_pools_apart_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    older = replace(launch("vllm"), version="0.6", router=None)
    monkeypatch.setattr("capplan.report.deploy.command.launch", lambda _: older)
    with pytest.raises(UserError, match=r"vLLM 0\.6 has no pools apart"):
        commands(planned())
