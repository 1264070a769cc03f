"""Whether the models, accelerators, engines and files that a scenario names exist. Reads the catalogue only."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from capplan.catalog import files
from capplan.errors import UserError
from capplan.scenario.kinds import Kind, Name, ValueFault
from capplan.scenario.several import Several

_PATH_ENDINGS = (".json", ".yaml", ".yml", ".csv")


def check_all(kind: Kind, value: object, base: Path) -> None:
    """Checks a name, or each of several; values of other kinds are what they are."""
    if isinstance(kind, Name):
        check(kind, value, base)
    elif isinstance(kind, Several) and isinstance(kind.item, Name) and isinstance(value, tuple):
        for one in value:
            check(kind.item, one, base)


def check(kind: Name, value: object, base: Path) -> None:
    """Raises ValueFault where the name or path stands for nothing; an inline mapping is read to see that it can be."""
    if isinstance(value, str) and value in kind.words:
        return
    if kind.catalog == "models":
        _check_model(value, base)
    elif isinstance(value, Mapping):
        _inline_accelerator(value)
    elif kind.files and (not kind.catalog or _is_path(str(value))):
        _check_file(str(value), base)
    elif kind.catalog:
        _check_entry(kind.catalog, str(value))


def _is_path(text: str) -> bool:
    return text.endswith(_PATH_ENDINGS) or text.startswith((".", "/", "~"))


def _check_file(text: str, base: Path) -> None:
    try:
        found = (base / Path(text).expanduser()).is_file()
    except (OSError, RuntimeError, ValueError):
        found = False
    if not found:
        raise ValueFault(f"no file '{text}'", "paths start at the scenario file")


@lru_cache(maxsize=1024)
def _check_entry(kind: str, name: str) -> None:
    try:
        files.find(kind, name)
    except files.UnknownName as unknown:
        raise ValueFault(*_unknown(unknown)) from None


def _unknown(unknown: files.UnknownName) -> tuple[str, str]:
    near = " or ".join(f"'{name}'" for name in unknown.suggestions)
    hint = f"did you mean {near}?" if near else f"`capplan catalog list {unknown.kind}` shows all"
    return f"no '{unknown.name}' in the catalogue's {unknown.kind}", hint


def _check_model(value: object, base: Path) -> None:
    if isinstance(value, str) and files.exists("models", value):
        return
    from capplan.catalog.models import model  # reads whole model files; a plain name needs none

    try:
        model(_as_reference(value), base)
    except files.UnknownName as unknown:
        raise ValueFault(*_unknown(unknown)) from None
    except UserError as wrong:
        raise ValueFault(str(wrong).removeprefix("model: ")) from None


def _as_reference(value: object) -> Any:
    return value if isinstance(value, Mapping) else str(value)


def _inline_accelerator(value: Mapping[str, object]) -> None:
    from capplan.catalog.accelerators import accelerator

    try:
        accelerator(value)
    except UserError as wrong:
        raise ValueFault("; ".join(str(wrong).splitlines())) from None
