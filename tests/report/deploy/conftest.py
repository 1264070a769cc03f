"""Whether Kubernetes would take a manifest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

Accepted = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="session")
def accepted() -> Accepted:
    """Raises where the schema of a manifest's kind does not take it, unknown fields included."""
    kubernetes = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate, part of capplan[dev]")
    group = yaml.safe_load((Path(__file__).parent / "leaderworkerset.yaml").read_text("utf-8"))

    def check(manifest: dict[str, Any]) -> None:
        if manifest["kind"] != "LeaderWorkerSet":
            kubernetes.validate(manifest, "1.33", strict=True)
            return
        jsonschema.validate(manifest, group)
        inner = manifest["spec"]["leaderWorkerTemplate"]
        for template in (inner["leaderTemplate"], inner["workerTemplate"]):
            pod = {"apiVersion": "v1", "kind": "Pod", **template}
            kubernetes.validate(pod, "1.33", strict=True)

    return check
