"""A pool of replicas as Kubernetes knows it: names, labels and kind of workload."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from capplan.report.deploy.command import Command

Manifest = dict[str, Any]

LEADER = {"capplan/role": "leader"}


@dataclass(frozen=True)
class Pool:
    """Replicas of one kind. app: what all objects of the plan are labelled with."""

    made: Command
    app: str
    image: str
    resource: str

    @property
    def name(self) -> str:
        return f"{self.app}-{self.made.role}" if self.made.role else self.app

    @property
    def labels(self) -> dict[str, str]:
        return {"app.kubernetes.io/name": self.app, "app.kubernetes.io/component": self.made.role or "inference"}

    @property
    def kind(self) -> str:
        """Groups where a replica spans nodes; pods with names of their own where a router has to be told those."""
        if self.made.nodes > 1:
            return "LeaderWorkerSet"
        router = self.made.launch.router
        named = self.made.role and router is not None and "discovery" not in router.flags
        return "StatefulSet" if named else "Deployment"

    @property
    def serving(self) -> dict[str, str]:
        """Labels of the pods that requests come to."""
        return {**self.labels, **(LEADER if self.made.nodes > 1 else {})}

    @property
    def service(self) -> str:
        """Its Service: the controller of a group keeps the group's own name for one."""
        return f"{self.name}-leader" if self.made.nodes > 1 else self.name

    @property
    def hosts(self) -> list[str]:
        """Names of the pods, where they have any."""
        return [f"{self.name}-{number}.{self.service}" for number in range(self.made.replicas)]


def service(name: str, labels: dict[str, str], selector: dict[str, str], headless: bool = False) -> Manifest:
    """One address for the pods that the selector finds; headless: a name for each of them instead."""
    spec: Manifest = {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels},
        "spec": {**spec, **({"clusterIP": "None"} if headless else {})},
    }


def config_map(name: str, labels: dict[str, str], file: str, content: dict[str, Any]) -> Manifest:
    """A file for pods to read."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": labels},
        "data": {file: json.dumps(content, indent=2) + "\n"},  # JSON is YAML too
    }
