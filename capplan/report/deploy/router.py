"""The router before pools for prefill and decode, as Kubernetes objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from capplan.catalog.launch import Router
from capplan.report.deploy.apart import ROUTER_FILE, discovering_words, router_config, router_of, router_words
from capplan.report.deploy.pool import Manifest, Pool, config_map, service


def router_objects(app: str, pools: Sequence[Pool]) -> Iterator[Manifest]:
    """The router's Deployment, the Service that requests are sent to, and what it needs to know the pools' pods.

    A router that finds pods by their labels follows the autoscalers, with leave to watch the pods of its namespace; one
    that reads a file is told every pod by name.
    """
    launch = pools[0].made.launch
    router, name = router_of(launch), f"{app}-router"
    labels = {"app.kubernetes.io/name": app, "app.kubernetes.io/component": "router"}
    hosts = {pool.made.role: pool.hosts for pool in pools}
    if config := router_config(router, hosts, launch.port):
        words = [
            f"/config/{word}" if word == ROUTER_FILE else word for word in router_words(router, hosts, launch.port)
        ]
        yield config_map(name, labels, ROUTER_FILE, config)
        pod = _pod(router, words)
        pod["containers"][0]["volumeMounts"] = [{"name": "config", "mountPath": "/config"}]
        pod["volumes"] = [{"name": "config", "configMap": {"name": name}}]
    else:
        yield from _leave(name, labels)
        found = {pool.made.role: pool.serving for pool in pools}
        pod = {"serviceAccountName": name, **_pod(router, discovering_words(router, found, launch.port))}
        namespace = {"fieldRef": {"fieldPath": "metadata.namespace"}}
        pod["containers"][0]["env"] = [{"name": "POD_NAMESPACE", "valueFrom": namespace}]
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    yield service(app, labels, labels)


def _pod(router: Router, words: Sequence[str]) -> Manifest:
    container: Manifest = {
        "name": "router",
        "image": router.image,
        "command": list(words),
        "ports": [{"name": "http", "containerPort": router.port}],
        "readinessProbe": {"tcpSocket": {"port": router.port}, "periodSeconds": 5},
    }
    return {"containers": [container]}


def _leave(name: str, labels: dict[str, str]) -> Iterator[Manifest]:
    """Leave to watch the pods of the namespace."""
    metadata = {"name": name, "labels": labels}
    rbac = "rbac.authorization.k8s.io"
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    yield {
        "apiVersion": f"{rbac}/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
    }
    yield {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "subjects": [{"kind": "ServiceAccount", "name": name}],
        "roleRef": {"kind": "Role", "name": name, "apiGroup": rbac},
    }
