"""A resolved scenario as a file that every command reads."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from capplan.scenario.schema import Scenario

HEAD = "# Written by capplan {command}; read by every command.\n"


def as_yaml(scenario: Scenario, folder: Path, command: str = "optimize") -> str:
    """The scenario as YAML text, its relative paths made to start from `folder`; loads back to an equal scenario."""
    plain = _moved(scenario.resolved(), scenario, folder)
    return HEAD.format(command=command) + dumped(plain)


def dumped(plain: Mapping[str, Any]) -> str:
    """Plain data as YAML, keys in their order."""
    text: str = yaml.dump(dict(plain), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
    return text


class _Plain(yaml.SafeDumper):
    """Writes what stands twice twice: anchors read badly."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def ours(path: Path) -> bool:
    """Whether a file is one that `as_yaml` wrote, and may be written again."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().startswith(HEAD.partition("{")[0])


def _moved(plain: dict[str, Any], scenario: Scenario, folder: Path) -> dict[str, Any]:
    """Files that the scenario names, from where the new file will lie."""

    def at(value: object) -> object:
        if not isinstance(value, str) or not value.endswith((".json", ".yaml", ".yml", ".csv")):
            return value
        return os.path.relpath(scenario.file(value), folder) if scenario.file(value).is_file() else value

    def section(name: str, key: str) -> None:
        held = plain.get(name)
        if isinstance(held, Mapping) and key in held:
            plain[name] = {**held, key: at(held[key])}

    section("serving", "engine")
    section("quality", "curve")
    return {**plain, "model": at(plain.get("model"))}
