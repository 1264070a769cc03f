"""The scenarios that ship with capplan: the built-in default, the examples, and the starters of `capplan init`."""

from pathlib import Path

from capplan.errors import UserError
from capplan.scenario.kinds import nearest


def folder() -> Path:
    """Where the shipped scenarios lie: beside the package's modules in a wheel, one level up in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "scenarios"
    return inside if inside.is_dir() else package.parent / "scenarios"


def names() -> list[str]:
    """The templates that `init` can write, in alphabetical order."""
    return sorted(path.stem for path in (folder() / "templates").glob("*.yaml"))


def text(name: str = "chat") -> str:
    """The text of a template, comments and all. Raises UserError for an unknown name."""
    path = folder() / "templates" / f"{name}.yaml"
    if name not in names():
        hint = nearest(name, names()) or f"there are {', '.join(names())}"
        raise UserError(f"no template '{name}' ({hint})")
    return path.read_text(encoding="utf-8")


def examples() -> list[Path]:
    """The example scenarios, the built-in default among them."""
    return sorted(folder().glob("*.yaml"))
