"""A Hugging Face `config.json` as a model file of one's own catalogue, set beside the model that stood."""

from dataclasses import dataclass
from pathlib import Path

from capplan.catalog import files
from capplan.catalog.figures import date_of
from capplan.catalog.huggingface import architecture_from_config, read_config, shape_from_config
from capplan.catalog.imports.folder import file_of, save
from capplan.catalog.model_file import model_yaml
from capplan.errors import UserError


@dataclass(frozen=True)
class ModelFile:
    """What an import makes. differences: (figure, as it stood, as it is now) where a model of that name stood."""

    name: str
    text: str
    differences: tuple[tuple[str, str, str], ...]
    known: bool
    assumptions: tuple[str, ...]


def read_model(path: Path, on: str, name: str = "") -> ModelFile:
    """The model file that a config makes.

    on: the day it was read. name: of the model in the catalogue; else that of the config's folder, or of its file.
    Raises UserError for what is no config, for a name that no file can have, and without a day.
    """
    if date_of(on) is None:
        raise UserError(f"{path}: a config does not say when it was read (add --on, e.g. --on 2026-11-21)")
    config = read_config(path)
    imported = shape_from_config(config, str(path))
    own = path.resolve().parent.name if path.name == "config.json" else path.stem
    called = (name or own).lower().replace(" ", "-").replace("_", "-")
    file_of(Path(), "models", called)
    architecture_from_config(config, called, str(path))  # refuses a shape that cannot be
    text = model_yaml(called, imported, f"{path.parent.name}/{path.name}".lstrip("/"), on)
    now = _flat(files.parse_yaml(text, called).get("shape"))
    stood = _flat(files.load("models", called).get("shape")) if called in files.names("models") else None
    keys = [] if stood is None else sorted(stood.keys() | now.keys())
    differences = [(key, (stood or {}).get(key, "-"), now.get(key, "-")) for key in keys if key != "from"]
    changed = tuple(one for one in differences if one[1] != one[2])
    return ModelFile(called, text, changed, stood is not None, imported.assumptions)


def write_model(made: ModelFile, folder: Path) -> Path:
    """The file, in the folder of one's own catalogue, which goes before the shipped one."""
    path = file_of(folder, "models", made.name)
    save({path: made.text})
    return path


def _flat(tree: object, prefix: str = "") -> dict[str, str]:
    """A tree's figures by dotted path, as text; a figure with its own source by its value."""
    if isinstance(tree, dict) and "is" in tree:
        return {prefix: str(tree["is"])}
    if isinstance(tree, dict):
        dotted = f"{prefix}." if prefix else ""
        return {path: text for key, value in tree.items() for path, text in _flat(value, f"{dotted}{key}").items()}
    if isinstance(tree, list):
        return {path: text for at, item in enumerate(tree) for path, text in _flat(item, f"{prefix}[{at}]").items()}
    return {prefix: str(tree)}
