"""How engines are launched: their commands, flags and words, `configs/deploy/`, one file each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from capplan.catalog.files import UnknownName, load_yaml, root
from capplan.errors import UserError


@dataclass(frozen=True)
class Launch:
    """One engine's command line, as one version knows it.

    command: with `{model}` where the model goes. flags: by what they set. kv_cache, quantization, drafts: the engine's
    words for ours. metric: what counts its running requests in Prometheus, None where it exports none.
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

    def words(key: str) -> dict[str, str]:
        return {name: str(word) for name, word in tree.get(key, {}).items() if name != "from"}

    def figure(key: str) -> str | None:
        return str(tree[key]["is"]) if key in tree else None

    return Launch(
        name=str(tree["name"]),
        title=str(tree["title"]),
        version=str(tree["version"]["is"]),
        image=str(tree["image"]["is"]),
        image_amd=figure("image_amd"),
        command=str(tree["command"]["is"]),
        port=int(tree["port"]["is"]),
        health=str(tree["health"]["is"]),
        metric=figure("metric"),
        flags=words("flags"),
        kv_cache=words("kv_cache"),
        quantization=words("quantization"),
        drafts=words("drafts"),
    )
