"""Kubernetes manifests of a plan: the workload of each pool, its Service and its autoscaler."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from capplan.catalog.accelerators import accelerator
from capplan.errors import UserError
from capplan.plan.deployment import deployment
from capplan.plan.load import load
from capplan.plan.readers import readers
from capplan.plan.rows import layout_of
from capplan.report.deploy.apart import PREFILL
from capplan.report.deploy.command import CONFIG_FILE, Command, commands
from capplan.report.deploy.pool import LEADER, Manifest, Pool, config_map, service
from capplan.report.deploy.router import router_objects

if TYPE_CHECKING:
    from capplan.plan import Plan

_RESOURCE = {"NVIDIA": "nvidia.com/gpu", "AMD": "amd.com/gpu"}
_LWS = "leaderworkerset.x-k8s.io/v1"
# Loading hundreds of gigabytes takes minutes: 10 s apart, half an hour of patience.
_STARTUP = {"periodSeconds": 10, "failureThreshold": 180}
# A StatefulSet, which a LeaderWorkerSet makes of each group too, adds the hash of its revision to a label of 63.
_LONGEST_NAME = 44


def manifests(plan: Plan) -> tuple[list[Manifest], tuple[str, ...]]:
    """(objects, notes) of a plan's fleet.

    Raises UserError for accelerators without a Kubernetes resource, and for replicas across nodes that the engine
    cannot be started on without a launcher of its own.
    """
    chip = accelerator(plan.scenario.gpu)
    pools = [_pool(plan, made) for made in commands(plan)]
    objects = [one for pool in pools for one in _objects(pool, plan)]
    if len(pools) > 1:
        objects += router_objects(pools[0].app, pools)
    launch = pools[0].made.launch
    notes = [note for pool in pools for note in pool.made.notes]
    if launch.metric:
        notes.append(f"The autoscaler reads {launch.metric} through a Prometheus adapter; without one, remove it.")
    else:
        notes.append(f"{launch.title} exports no count of running requests to scale by: replicas are fixed.")
    if any(pool.kind == "LeaderWorkerSet" for pool in pools):
        notes.append("A replica spans nodes: the LeaderWorkerSet controller has to be installed.")
    if len(pools) > 1 and chip.vendor == "NVIDIA":
        notes.append("Caches cross the network: give the pods its RDMA cards as your cluster names them.")
    return objects, tuple(dict.fromkeys(notes))


def _pool(plan: Plan, made: Command) -> Pool:
    chip = accelerator(plan.scenario.gpu)
    resource = _RESOURCE.get(chip.vendor)
    if resource is None:
        raise UserError(f"{chip.name}: no Kubernetes resource name is known for {chip.vendor} accelerators")
    image = made.launch.image_amd if chip.vendor == "AMD" else made.launch.image
    if image is None:
        raise UserError(f"{made.launch.title} has no image for {chip.vendor} accelerators")
    return Pool(made, _name(plan.scenario.name), image, resource)


def _objects(pool: Pool, plan: Plan) -> Iterator[Manifest]:
    if pool.made.config:
        yield config_map(pool.name, pool.labels, CONFIG_FILE, pool.made.config)
    yield _group(pool) if pool.made.nodes > 1 else _workload(pool)
    yield service(pool.service, pool.labels, pool.serving, headless=pool.kind == "StatefulSet")
    if pool.made.launch.metric:
        yield _autoscaler(pool, plan)


def _name(text: str) -> str:
    """A DNS label (RFC 1123): lower-case letters, digits and dashes, short enough for what is added to it."""
    label = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST_NAME].strip("-")
    return label or "capplan"


def _workload(pool: Pool) -> Manifest:
    spec: Manifest = {
        "replicas": pool.made.replicas,
        "selector": {"matchLabels": pool.labels},
        "template": {"metadata": _metadata(pool), "spec": _pod(pool, pool.made.words)},
    }
    if pool.kind == "StatefulSet":
        spec |= {"serviceName": pool.service, "podManagementPolicy": "Parallel"}
    else:
        # GPUs are full: a new pod can only start where an old one ended.
        spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    return {
        "apiVersion": "apps/v1",
        "kind": pool.kind,
        "metadata": {"name": pool.name, "labels": pool.labels},
        "spec": spec,
    }


def _group(pool: Pool) -> Manifest:
    """Leader and workers of each replica; SGLang alone is started on every node by the same command."""
    made, launch = pool.made, pool.made.launch
    if "nodes" not in launch.flags:
        raise UserError(
            f"{launch.title} starts a replica across {made.nodes} nodes by a launcher of its own (Ray, MPI), which "
            "a manifest of ours cannot stand for: choose --target sglang, or a layout within one node"
        )
    leader = "$(LWS_LEADER_ADDRESS):20000"
    ranked = (*made.words, launch.flag("nodes"), str(made.nodes), launch.flag("node_rank"), "$(LWS_WORKER_INDEX)",
              launch.flag("node_leader"), leader)  # fmt: skip
    return {
        "apiVersion": _LWS,
        "kind": "LeaderWorkerSet",
        "metadata": {"name": pool.name, "labels": pool.labels},
        "spec": {
            "replicas": made.replicas,
            "leaderWorkerTemplate": {
                "size": made.nodes,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": {"metadata": _metadata(pool, LEADER), "spec": _pod(pool, ranked)},
                "workerTemplate": {
                    "metadata": _metadata(pool, {"capplan/role": "worker"}),
                    "spec": _pod(pool, ranked, serves=False),
                },
            },
        },
    }


def _metadata(pool: Pool, more: dict[str, str] | None = None) -> Manifest:
    router = pool.made.launch.router
    made: Manifest = {"labels": {**pool.labels, **(more or {})}}
    if pool.made.role == PREFILL and router is not None and router.annotation:
        made["annotations"] = {router.annotation: str(router.bootstrap_port)}
    return made


def _pod(pool: Pool, words: Sequence[str], serves: bool = True) -> Manifest:
    """A pod's spec. serves: whether requests come to it; a worker of a group only computes."""
    made, gpus = pool.made, pool.made.gpus // pool.made.nodes
    container: Manifest = {
        "name": "engine",
        "image": pool.image,
        "command": list(words),
        "resources": {"limits": {pool.resource: gpus}, "requests": {pool.resource: gpus}},
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
    }
    # Processes of a tensor group talk through shared memory, of which a container has 64 MiB.
    volumes: list[Manifest] = [{"name": "shm", "emptyDir": {"medium": "Memory"}}]
    if variable := made.launch.apart.get("address") if made.role else None:
        container["env"] = [{"name": variable, "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    if serves:
        probe = {"httpGet": {"path": made.launch.health, "port": made.launch.port}}
        container["ports"] = [{"name": "http", "containerPort": made.launch.port}]
        container["startupProbe"] = {**probe, **_STARTUP}
        container["readinessProbe"] = {**probe, "periodSeconds": 5}
    if made.config:
        container["volumeMounts"].append({"name": "config", "mountPath": "/config"})
        container["command"] = [f"/config/{CONFIG_FILE}" if word == CONFIG_FILE else word for word in words]
        volumes.append({"name": "config", "configMap": {"name": pool.name}})
    return {"containers": [container], "volumes": volumes}


def _autoscaler(pool: Pool, plan: Plan) -> Manifest:
    """Between the mean's fleet and the peak's, by running requests: what a replica holds at the wanted utilisation."""
    least = max(1, math.ceil(pool.made.replicas / plan.scenario.workload.busiest_to_mean))
    metric = re.sub(r"[^a-zA-Z0-9_]", "_", pool.made.launch.metric or "")
    value = {"type": "AverageValue", "averageValue": _running(pool, plan)}
    version = _LWS if pool.kind == "LeaderWorkerSet" else "apps/v1"
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": pool.name, "labels": pool.labels},
        "spec": {
            "scaleTargetRef": {"apiVersion": version, "kind": pool.kind, "name": pool.name},
            "minReplicas": least,
            "maxReplicas": pool.made.replicas,
            "metrics": [{"type": "Pods", "pods": {"metric": {"name": metric}, "target": value}}],
            # A replica takes minutes to load its weights: up at once, down only after a quiet while.
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}},
        },
    }


def _running(pool: Pool, plan: Plan) -> str:
    """Requests that run on a replica at the peak, as a Kubernetes quantity.

    Of prefill by Little's law: the prompts that come to a replica in the time that one takes, often less than one.
    """
    if pool.made.role != PREFILL:
        return str(max(1, int(int(plan.row["concurrency"]) * plan.scenario.workload.target_utilization)))
    asked = load([plan.scenario])
    reads = readers(deployment(plan.scenario), layout_of(plan.row, "prefill_"), asked).does
    each_per_s = float((asked.peak_per_s * asked.requests_per_query)[0]) / pool.made.replicas
    return f"{max(1, math.ceil(1000 * float(np.ravel(reads.at(each_per_s).decoding)[0])))}m"
