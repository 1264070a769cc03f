"""Models by catalogue name, alias, Hugging Face id, inline mapping or path to a config.json."""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from capplan.catalog import files
from capplan.catalog.architecture import Architecture
from capplan.catalog.fields import Fields
from capplan.catalog.figures import Entry, MissingFigure
from capplan.catalog.model_names import candidates
from capplan.catalog.shape import SHAPE_KEYS, architecture
from capplan.errors import UserError
from capplan.records import dataclass

_LONGEST_REFERENCE = 240  # what a file name may hold
_HEAD = ("name", "title", "aliases", "sources", "license", "official", "released", "shape", "published", "unmodelled")
_PUBLISHED = ("total_parameters", "active_parameters", "counted_as_active")
# Makers differ in whether the embeddings belong to the active parameters that they print.
COUNTS = ("everything", "without_input_embedding", "without_embeddings")


@dataclass(frozen=True)
class Model:
    """A model and what is known about it.

    published_total, published_active: parameters as its makers print them, None where they do not.
    counted_as_active: what they count among the active ones, one of COUNTS.
    official: its makers published the shape; False marks third-party estimates.
    assumptions: what had to be assumed to read it, for the report.
    """

    name: str
    title: str
    architecture: Architecture
    published_total: float | None = None
    published_active: float | None = None
    counted_as_active: str = COUNTS[0]
    sources: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    released: str = ""
    license: str = ""
    official: bool = True
    assumptions: tuple[str, ...] = ()


def model(reference: str | Mapping[str, object], base: Path | None = None) -> Model:
    """Find or build a model.

    reference: a catalogue name, an alias or Hugging Face id in any case (a precision such as `-FP8` may follow), a path
    to a `config.json` or a folder that holds one, or a mapping with the keys of a model file's `shape:`.
    base: the folder that relative paths start from, usually the scenario file's; the current folder where None.

    Raises UnknownName with suggestions, MissingFigure where the shape is not public, UserError for a malformed mapping.

    >>> model("nvidia/Llama-3.3-70B-Instruct-FP8").name
    'llama-3.3-70b'
    """
    if isinstance(reference, Mapping):
        return _inline(reference)
    if len(reference) > _LONGEST_REFERENCE:
        raise files.UnknownName("models", reference[:40] + "...")
    if (config := _as_path(reference, base)) is not None:
        return _from_config(config)
    path = _find(reference, files.roots())
    return _build(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4096)
def _find(reference: str, _roots: tuple[Path, ...]) -> Path:
    """The file of a name in the catalogue's folders; a plain file name reads no other file."""
    spellings = list(candidates(reference))
    for spelling in spellings:
        try:
            return files.find("models", spelling)
        except files.UnknownName:
            continue
    # Suggestions come from the plainest spelling, but the message quotes what was written.
    try:
        return files.find("models", spellings[-1] if spellings else reference)
    except files.UnknownName as unknown:
        raise files.UnknownName("models", reference, unknown.suggestions) from None


def _as_path(reference: str, base: Path | None) -> Path | None:
    """The path that a reference means, None where it is a name.

    A folder counts only where it is written as a path, so that a plain name means the same in every folder.
    """
    if not reference.endswith(".json") and "/" not in reference and os.sep not in reference:
        return None
    path = Path(os.path.expanduser(reference))  # noqa: PTH111  (Path.expanduser raises for an unknown user)
    path = path if path.is_absolute() or base is None else base / path
    return path if reference.endswith(".json") or (path / "config.json").is_file() else None


def _from_config(path: Path) -> Model:
    from capplan.catalog.huggingface import read_config, shape_from_config  # a plain name needs none of it

    config = read_config(path)
    imported = shape_from_config(config, str(path))
    folder = path if path.is_dir() else path.parent
    name = folder.resolve().name if path.is_dir() or path.name == "config.json" else path.stem
    return Model(
        name=name,
        title=name,
        architecture=architecture(name, Fields(imported.shape, str(path))),
        sources=(f"{path} (read as a {imported.model_type} model)",),
        assumptions=imported.assumptions,
    )


def _inline(mapping: Mapping[str, object]) -> Model:
    """A model written out in a scenario: the shape's keys at the top, or below `shape:`; or a Hugging Face config."""
    if "model_type" in mapping or "num_hidden_layers" in mapping:
        from capplan.catalog.huggingface import shape_from_config

        imported = shape_from_config(mapping, "model")
        name = str(mapping.get("name") or mapping.get("_name_or_path") or f"inline {imported.model_type}")
        arch = architecture(name, Fields(imported.shape, "model"))
        return Model(name, name, arch, sources=("the scenario",), assumptions=imported.assumptions)
    fields = Fields(mapping, "model")
    nested = "shape" in mapping
    fields.only(("name", "title", *(_HEAD if nested else SHAPE_KEYS)))
    name = fields.word("name", default="inline model")
    body = fields.group("shape") if nested else None
    own = {key: value for key, value in mapping.items() if key not in ("name", "title")}
    fields.finish()
    arch = architecture(name, body if body is not None else Fields(own, "model"))
    return Model(name, fields.word("title", default=name), arch, sources=("the scenario",))


@lru_cache(maxsize=1024)
def _build(path: Path, _mtime_ns: int) -> Model:
    """A catalogue file as a model; an edited file is read again."""
    entry = Entry("models", path, files.load_yaml(path))
    fields = Fields(entry.plain, str(path))
    fields.only(_HEAD)
    unmodelled = fields.word("unmodelled", default="") or None
    shape = fields.group("shape")
    if shape is None or not shape.has("hidden"):
        raise MissingFigure(entry.name, "shape.hidden", "every computation", unmodelled or "")
    published = fields.group("published") or Fields({}, str(path))
    published.only(_PUBLISHED)
    found = Model(
        name=entry.name,
        title=fields.word("title", default=entry.name),
        architecture=architecture(entry.name, shape, unmodelled),
        published_total=published.number("total_parameters"),
        published_active=published.number("active_parameters"),
        counted_as_active=published.word("counted_as_active", COUNTS, default=COUNTS[0]),
        sources=tuple(str(source) for source in entry.sources.values()),
        aliases=_aliases(entry),
        released=fields.word("released", default=""),
        license=fields.word("license", default=""),
        official=fields.flag("official", default=True),
    )
    fields.finish()
    return found


def _aliases(entry: Entry) -> tuple[str, ...]:
    listed = entry.tree.get("aliases", [])
    if not isinstance(listed, list):
        raise UserError(f"{entry.path}: aliases: a list is needed")
    return tuple(str(alias) for alias in listed)
