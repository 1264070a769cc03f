"""Kubernetes manifests of a plan: Deployment, or LeaderWorkerSet where a replica spans nodes; Service; autoscaler."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from capplan.catalog.accelerators import accelerator
from capplan.errors import UserError
from capplan.report.deploy.command import CONFIG_FILE, Command, command

if TYPE_CHECKING:
    from capplan.plan import Plan

Manifest = dict[str, Any]

_RESOURCE = {"NVIDIA": "nvidia.com/gpu", "AMD": "amd.com/gpu"}
_LWS = "leaderworkerset.x-k8s.io/v1"
# Loading hundreds of gigabytes takes minutes: 10 s apart, half an hour of patience.
_STARTUP = {"periodSeconds": 10, "failureThreshold": 180}


def manifests(plan: Plan) -> tuple[list[Manifest], tuple[str, ...]]:
    """(objects, notes) of a plan's fleet.

    Raises UserError for accelerators without a Kubernetes resource, and for replicas across nodes that the engine
    cannot be started on without a launcher of its own.
    """
    made = command(plan)
    chip = accelerator(plan.scenario.gpu)
    resource = _RESOURCE.get(chip.vendor)
    if resource is None:
        raise UserError(f"{chip.name}: no Kubernetes resource name is known for {chip.vendor} accelerators")
    name = _name(plan.scenario.name)
    node = plan.scenario.serving.node_gpus or chip.node_gpus
    nodes = math.ceil(made.gpus / node)
    image = made.launch.image_amd if chip.vendor == "AMD" else made.launch.image
    if image is None:
        raise UserError(f"{made.launch.title} has no image for {chip.vendor} accelerators")
    objects: list[Manifest] = []
    if made.config:
        objects.append(_config(name, made))
    if nodes > 1:
        objects.append(_group(name, made, image, resource, made.gpus // nodes, nodes, int(plan.row["replicas"])))
        target = {"apiVersion": _LWS, "kind": "LeaderWorkerSet", "name": name}
    else:
        pod = _pod(made, image, resource, made.gpus, list(made.words), name, serves=True)
        objects.append(_deployment(name, pod, int(plan.row["replicas"])))
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    objects.append(_service(name, made, nodes > 1))
    notes = [*made.notes]
    if made.launch.metric:
        objects.append(_autoscaler(name, target, made, plan))
        notes.append(f"The autoscaler reads {made.launch.metric} through a Prometheus adapter; without one, remove it.")
    else:
        notes.append(f"{made.launch.title} exports no count of running requests to scale by: replicas are fixed.")
    if nodes > 1:
        notes.append("A replica spans nodes: the LeaderWorkerSet controller has to be installed.")
    return objects, tuple(notes)


def _name(text: str) -> str:
    """A DNS label (RFC 1123): lower-case letters, digits and dashes, 52 at most, so that suffixes fit."""
    label = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:52].strip("-")
    return label or "capplan"


def _labels(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "inference"}


def _pod(made: Command, image: str, resource: str, gpus: int, words: list[str], name: str, serves: bool) -> Manifest:
    """A pod's spec. serves: whether requests come to it; a worker of a group only computes."""
    container: Manifest = {
        "name": "engine",
        "image": image,
        "command": words,
        "resources": {"limits": {resource: gpus}, "requests": {resource: gpus}},
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
    }
    # Processes of a tensor group talk through shared memory, of which a container has 64 MiB.
    volumes: list[Manifest] = [{"name": "shm", "emptyDir": {"medium": "Memory"}}]
    if serves:
        probe = {"httpGet": {"path": made.launch.health, "port": made.launch.port}}
        container["ports"] = [{"name": "http", "containerPort": made.launch.port}]
        container["startupProbe"] = {**probe, **_STARTUP}
        container["readinessProbe"] = {**probe, "periodSeconds": 5}
    if made.config:
        container["volumeMounts"].append({"name": "config", "mountPath": "/config"})
        container["command"] = [f"/config/{CONFIG_FILE}" if word == CONFIG_FILE else word for word in words]
        volumes.append({"name": "config", "configMap": {"name": name}})
    return {"containers": [container], "volumes": volumes}


def _deployment(name: str, pod: Manifest, replicas: int) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": _labels(name)},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": _labels(name)},
            # GPUs are full: a new pod can only start where an old one ended.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            "template": {"metadata": {"labels": _labels(name)}, "spec": pod},
        },
    }


def _group(name: str, made: Command, image: str, resource: str, gpus: int, nodes: int, replicas: int) -> Manifest:
    """Leader and workers of each replica; SGLang alone is started on every node by the same command."""
    if "nodes" not in made.launch.flags:
        raise UserError(
            f"{made.launch.title} starts a replica across {nodes} nodes by a launcher of its own (Ray, MPI), which "
            "a manifest of ours cannot stand for: choose --target sglang, or a layout within one node"
        )
    leader = "$(LWS_LEADER_ADDRESS):20000"
    ranked = [*made.words, made.launch.flag("nodes"), str(nodes), made.launch.flag("node_rank"), "$(LWS_WORKER_INDEX)",
              made.launch.flag("node_leader"), leader]  # fmt: skip

    def template(serves: bool) -> Manifest:
        labels = {**_labels(name), "capplan/role": "leader" if serves else "worker"}
        return {"metadata": {"labels": labels}, "spec": _pod(made, image, resource, gpus, ranked, name, serves)}

    return {
        "apiVersion": _LWS,
        "kind": "LeaderWorkerSet",
        "metadata": {"name": name, "labels": _labels(name)},
        "spec": {
            "replicas": replicas,
            "leaderWorkerTemplate": {
                "size": nodes,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": template(True),
                "workerTemplate": template(False),
            },
        },
    }


def _service(name: str, made: Command, grouped: bool) -> Manifest:
    selector = {**_labels(name), **({"capplan/role": "leader"} if grouped else {})}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": _labels(name)},
        "spec": {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


def _config(name: str, made: Command) -> Manifest:
    import json

    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": _labels(name)},
        "data": {CONFIG_FILE: json.dumps(made.config, indent=2) + "\n"},  # JSON is YAML too
    }


def _autoscaler(name: str, target: dict[str, str], made: Command, plan: Plan) -> Manifest:
    """Between the mean's fleet and the peak's, by running requests: what a replica holds at the wanted utilisation."""
    work, row = plan.scenario.workload, plan.row
    replicas = int(row["replicas"])
    least = max(1, math.ceil(replicas / work.busiest_to_mean))
    running = max(1, int(int(row["concurrency"]) * work.target_utilization))
    metric = re.sub(r"[^a-zA-Z0-9_]", "_", made.launch.metric or "")
    value = {"type": "AverageValue", "averageValue": str(running)}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "labels": _labels(name)},
        "spec": {
            "scaleTargetRef": target,
            "minReplicas": least,
            "maxReplicas": replicas,
            "metrics": [{"type": "Pods", "pods": {"metric": {"name": metric}, "target": value}}],
            # A replica takes minutes to load its weights: up at once, down only after a quiet while.
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}},
        },
    }
