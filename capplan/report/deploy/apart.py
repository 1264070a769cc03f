"""Prefill and decode on pools of their own: what each engine asks of the two, and the router before them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from capplan.catalog.launch import Launch, Router
from capplan.engine.layout import Layout
from capplan.errors import UserError

PREFILL, DECODE = "prefill", "decode"
# As long as a replica is given to load its weights.
PATIENCE_S = 1800
ROUTER_FILE = "router.yaml"
_KV_ROLES = {PREFILL: "kv_producer", DECODE: "kv_consumer"}


def router_of(engine: Launch) -> Router:
    """The engine's router; raises UserError where this version has no pools apart."""
    if engine.router is None:
        raise UserError(
            f"{engine.title} {engine.version} has no pools apart for prefill and decode that are known here"
        )
    return engine.router


def suits(engine: Launch, prefill: Layout, decode: Layout) -> None:
    """Raises UserError where this version cannot move a cache from one layout to the other.

    vLLM: NixlConnector divides the tensor degree of decode by that of prefill and knows no pipeline stages
    (nixl_connector.py of v0.11, `_validate_remote_agent_handshake`; issue 40674). SGLang: one tensor degree is a
    multiple of the other (server_args.py, `_validate_disagg_tp_size`) and only prefill has stages (pull request 8846).
    TensorRT-LLM: degrees may differ in every way (disaggregated serving, FAQ).
    """
    read, write = int(prefill.tensor), int(decode.tensor)
    name = f"{engine.title} {engine.version}"
    if engine.name == "vllm" and write % read:
        raise UserError(f"{name} hands a cache on only where tensor_parallel of decode is a multiple of that of "
                        f"prefill, not from {read} to {write}: set serving.prefill.tensor_parallel")  # fmt: skip
    if engine.name == "sglang" and max(read, write) % min(read, write):
        raise UserError(f"{name} hands a cache on only where tensor_parallel of one pool is a multiple of that of the "
                        f"other, not from {read} to {write}: set serving.prefill.tensor_parallel")  # fmt: skip
    staged = int(decode.pipeline) > 1 or (engine.name == "vllm" and int(prefill.pipeline) > 1)
    if engine.name in ("vllm", "sglang") and staged:
        pools = "prefill and decode" if engine.name == "vllm" else "decode"
        raise UserError(f"{name} knows no pipeline stages in a pool for {pools}: set serving.pipeline_parallel=1"
                        " and serving.prefill.pipeline_parallel=1")  # fmt: skip


def told(
    engine: Launch, role: str, prefill: Layout, decode: Layout, context: int
) -> tuple[list[str], dict[str, Any], list[str]]:
    """(words, keys of its file, notes) that make a replica one of a pool. context: tokens of the longest request."""
    flags = engine.apart
    if engine.name == "vllm":
        transfer = {"kv_connector": "NixlConnector", "kv_role": _KV_ROLES[role]}
        return [flags["transfer"], json.dumps(transfer)], {}, ["NIXL has to be in the image: pip install nixl."]
    if engine.name == "trtllm":
        # Context servers have no overlap scheduler yet; a buffer holds the longest prompt.
        own: dict[str, Any] = {flags["overlap"]: True} if role == PREFILL else {}
        return [], {**own, flags["cache"]: {"backend": "DEFAULT", "max_tokens_in_buffer": context}}, []
    words, router = [flags["mode"], role], router_of(engine)
    if role == PREFILL:
        words += [flags["bootstrap"], str(router.bootstrap_port)]
        for name, own_degree, degree in (
            ("decode_tensor", prefill.stage_gpus, decode.stage_gpus),
            ("decode_ranks", prefill.attention_data, decode.attention_data),
        ):
            words += [flags[name], str(int(degree))] if degree != own_degree else []
    elif prefill.pipeline > 1:
        words += [flags["prefill_stages"], str(int(prefill.pipeline))]
    return words, {}, []


def router_words(router: Router, hosts: Mapping[str, Sequence[str]], port: int) -> list[str]:
    """The router's command line, which names each replica's host, or its file where it reads those from one.

    hosts: of the replicas, by pool; port: that they listen on.
    """
    words = shlex.split(router.command)
    if "config" in router.flags:
        return [*words, router.flags["config"], ROUTER_FILE, router.flags["patience"], str(PATIENCE_S)]
    for role in (PREFILL, DECODE):
        for host in hosts[role]:
            words += [router.flags[role], f"http://{host}:{port}"]
            words += [str(router.bootstrap_port)] if role == PREFILL and router.bootstrap_port else []
    return words + _listening(router)


def discovering_words(router: Router, labels: Mapping[str, Mapping[str, str]], port: int) -> list[str]:
    """The command line of a router that finds the pods of each pool by their labels, in its own namespace."""
    flags, words = router.flags, shlex.split(router.command)
    words.append(flags["discovery"])
    for role in (PREFILL, DECODE):
        words += [flags[f"{role}_pods"], *(f"{key}={value}" for key, value in labels[role].items())]
    return [*words, flags["pods_port"], str(port), flags["namespace"], "$(POD_NAMESPACE)", *_listening(router)]


def router_config(router: Router, hosts: Mapping[str, Sequence[str]], port: int) -> dict[str, Any] | None:
    """The file of a router that reads its replicas from one, None where it does not."""
    if "config" not in router.flags:
        return None
    servers = {
        key: {"num_instances": len(hosts[role]), "urls": [f"{host}:{port}" for host in hosts[role]]}
        for role, key in ((PREFILL, "context_servers"), (DECODE, "generation_servers"))
    }
    return {"hostname": "0.0.0.0", "port": router.port, "backend": "pytorch", **servers}


def _listening(router: Router) -> list[str]:
    return [router.flags["host"], "0.0.0.0", router.flags["port"], str(router.port)]
