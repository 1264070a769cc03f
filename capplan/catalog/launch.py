"""How engines are launched: their commands, flags and words, `configs/deploy/`, one file each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from capplan.catalog.files import UnknownName, load_yaml, root
from capplan.errors import UserError


@dataclass(frozen=True)
class Router:
    """What stands before pools for prefill and decode, and sends every request to a replica of each.

    flags: by what they set. bootstrap_port: where prefill replicas tell of caches to fetch, announced by a pod's
    `annotation`; None where replicas need no such port.
    """

    command: str
    image: str
    port: int
    flags: Mapping[str, str]
    bootstrap_port: int | None
    annotation: str | None


@dataclass(frozen=True)
class Launch:
    """One engine's command line, as one version knows it.

    command: with `{model}` where the model goes. flags: by what they set. kv_cache, quantization, drafts: the engine's
    words for ours. metric: what counts its running requests in Prometheus, None where it exports none. apart: flags,
    keys and variables of pools for prefill and decode; router: what stands before them, None where this version has no
    such pools.
    """

    name: str
    title: str
    version: str
    image: str
    image_amd: str | None
    command: str
    port: int
    health: str
    metric: str | None
    flags: Mapping[str, str] = field(default_factory=dict)
    kv_cache: Mapping[str, str] = field(default_factory=dict)
    quantization: Mapping[str, str] = field(default_factory=dict)
    drafts: Mapping[str, str] = field(default_factory=dict)
    apart: Mapping[str, str] = field(default_factory=dict)
    router: Router | None = None

    def flag(self, name: str) -> str:
        """The flag that sets something; raises UserError where this version has none."""
        if name not in self.flags:
            raise UserError(f"{self.title} {self.version} has no flag for {name.replace('_', ' ')}")
        return self.flags[name]


def names() -> tuple[str, ...]:
    """Engines that can be launched."""
    return tuple(sorted(path.stem for path in (root() / "deploy").glob("*.yaml")))


@cache
def launch(engine: str) -> Launch:
    """How an engine is launched; raises UnknownName naming those that there are."""
    if engine not in names():
        raise UnknownName("deploy", engine, names())
    tree: Any = load_yaml(root() / "deploy" / f"{engine}.yaml")
    return Launch(
        name=str(tree["name"]),
        title=str(tree["title"]),
        version=str(tree["version"]["is"]),
        image=str(tree["image"]["is"]),
        image_amd=_figure(tree, "image_amd"),
        command=str(tree["command"]["is"]),
        port=int(tree["port"]["is"]),
        health=str(tree["health"]["is"]),
        metric=_figure(tree, "metric"),
        flags=_words(tree, "flags"),
        kv_cache=_words(tree, "kv_cache"),
        quantization=_words(tree, "quantization"),
        drafts=_words(tree, "drafts"),
        apart=_words(tree, "apart"),
        router=_router(tree["router"]) if "router" in tree else None,
    )


def _router(tree: Any) -> Router:
    port = _figure(tree, "bootstrap_port")
    return Router(
        command=str(tree["command"]["is"]),
        image=str(tree["image"]["is"]),
        port=int(tree["port"]["is"]),
        flags=_words(tree, "flags"),
        bootstrap_port=None if port is None else int(port),
        annotation=_figure(tree, "annotation"),
    )


def _words(tree: Any, key: str) -> dict[str, str]:
    return {name: str(word) for name, word in tree.get(key, {}).items() if name != "from"}


def _figure(tree: Any, key: str) -> str | None:
    return str(tree[key]["is"]) if key in tree else None
