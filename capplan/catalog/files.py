"""Where the catalogue's files lie, how one is found by name, and how its YAML is read.

A look-up by file name reads one file. Other spellings are looked up among the `aliases:` of the files of that kind, for
which only their heads are scanned. The user's own folder, named by `CAPPLAN_CATALOG`, comes before the shipped one, so
that a file of one's own adds an entry or replaces a shipped one.
"""

import difflib
import os
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml

from capplan.errors import UserError
from capplan.reading import Unreadable, read_text

Tree = str | list["Tree"] | dict[str, "Tree"]

KINDS = (
    "models",
    "accelerators",
    "operators",
    "prices/accelerators",
    "prices/api",
    "prices/datacenter",
    "sites",
    "workloads",
    "engines",
    "quality",
)

_LARGEST_FILE_BYTES = 4 << 20
_DEEPEST = 40
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # text only: `no` stays "no" and 010 stays "010"
_DEFAULT_TAGS = {None, "!", *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))}
# What can be a file name as it is; longer ones are none on most systems.
_PLAIN_NAME = re.compile(r"[\w-][\w.-]{0,199}", re.ASCII)
# The list of aliases, written in one flow list; `catalog check` holds that every file writes it so.
_ALIASES = re.compile(r"^aliases:\s*\[(.*?)\]", re.MULTILINE | re.DOTALL)


class CatalogError(UserError):
    """A catalogue file that cannot be read: file, place and what is wrong."""


class UnknownName(UserError):
    """No entry of that name: names the kind and the nearest that exist."""

    def __init__(self, kind: str, name: str, suggestions: tuple[str, ...] = ()) -> None:
        self.kind, self.name, self.suggestions = kind, name, suggestions
        near = " or ".join(f"'{s}'" for s in suggestions)
        hint = f"did you mean {near}? " if near else ""
        super().__init__(f"no '{name}' in the catalogue's {kind} ({hint}`capplan catalog list {kind}` shows all)")


@cache
def root() -> Path:
    """The shipped catalogue: beside the package's modules in a wheel, one level up in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def roots() -> tuple[Path, ...]:
    """The user's own catalogue folder first, if there is one, then the shipped one."""
    own = os.environ.get("CAPPLAN_CATALOG")
    if not own:
        return (root(),)
    if not Path(own).is_dir():
        raise CatalogError(f"CAPPLAN_CATALOG={own}: no such folder; unset it or name one with the layout of configs/")
    return (Path(own), root())


def names(kind: str) -> list[str]:
    """All entries of a kind, sorted; each is a file name without its suffix."""
    return sorted({path.stem for folder in _folders(kind) for path in folder.glob("*.yaml")})


def find(kind: str, name: str) -> Path:
    """The file of an entry, by file name, by another spelling of it, or by alias; raises UnknownName.

    >>> find("accelerators", "H100 SXM").name
    'h100-sxm.yaml'
    """
    folders = _folders(kind)
    if _PLAIN_NAME.fullmatch(name):
        for folder in folders:
            if (path := folder / f"{name}.yaml").is_file():
                return path
    wanted = normal(name)
    for folder in folders:
        by_name, by_alias = _index(folder, folder.stat().st_mtime_ns)
        if found := by_name.get(wanted) or by_alias.get(wanted):
            return found
    raise UnknownName(kind, name, _suggestions(folders, wanted))


def exists(kind: str, name: str) -> bool:
    """Whether `find` would find it."""
    try:
        find(kind, name)
    except UnknownName:
        return False
    return True


def normal(name: str) -> str:
    """A name with case, spaces, underscores, dots and slashes made alike.

    >>> normal("NVIDIA H100_80GB  HBM3"), normal("meta-llama/Llama-3.1-8B")
    ('nvidia-h100-80gb-hbm3', 'meta-llama-llama-3-1-8b')
    """
    return re.sub(r"[\s_./-]+", "-", name.casefold().strip()).strip("-")


def load(kind: str, name: str) -> dict[str, Tree]:
    """One entry as text, dicts and lists, found by name or alias."""
    return load_yaml(find(kind, name))


def load_yaml(path: Path) -> dict[str, Tree]:
    """A file's mapping with every scalar as its text; read once as long as the file does not change.

    Refuses duplicate keys, anchors and aliases, tags, and files over 4 MB. Do not change what it returns.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise CatalogError(f"{path}: cannot be read ({error.strerror})") from None
    return _load(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1024)
def _load(path: Path, _mtime_ns: int, _size: int) -> dict[str, Tree]:
    return parse_yaml(file_text(path), str(path))


def file_text(path: Path) -> str:
    """The text of a catalogue file; raises CatalogError where it cannot be read."""
    try:
        return read_text(path, _LARGEST_FILE_BYTES)
    except Unreadable as wrong:
        raise CatalogError(str(wrong)) from None


def parse_yaml(text: str, where: str) -> dict[str, Tree]:
    """A mapping from YAML text, every scalar as text; `where` names it in errors.

    >>> parse_yaml("a: [010, no]", "example")
    {'a': ['010', 'no']}
    """
    try:
        tree = _document(yaml.parse(text, Loader=_Loader), where)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise CatalogError(f"{where}{_place(mark)}: not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise CatalogError(f"{where}: not YAML: {error}") from None
    if not isinstance(tree, dict):
        raise CatalogError(f"{where}: a mapping of keys is needed at the top")
    return tree


def _document(events: Iterator[Any], where: str) -> Tree | None:
    """The one document of a file. Built from events, as the parser's own tree of them is as deep as a file asks for."""
    next(events)
    if isinstance(next(events), yaml.StreamEndEvent):
        return None
    tree = _tree(next(events), events, where, 0)
    next(events)
    if not isinstance(after := next(events), yaml.StreamEndEvent):
        raise CatalogError(f"{where}{_place(after.start_mark)}: a second document starts here; one a file is read")
    return tree


def _tree(event: Any, events: Iterator[Any], where: str, depth: int) -> Tree:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise CatalogError(f"{where}{_place(event.start_mark)}: anchors and aliases are not read; write the value out")
    if event.tag not in _DEFAULT_TAGS:
        raise CatalogError(f"{where}{_place(event.start_mark)}: tag {event.tag} is not read; leave it out")
    if depth > _DEEPEST:
        raise CatalogError(f"{where}{_place(event.start_mark)}: nested more than {_DEEPEST} deep")
    if isinstance(event, yaml.ScalarEvent):
        return str(event.value)
    if isinstance(event, yaml.SequenceStartEvent):
        inner = takewhile(lambda one: not isinstance(one, yaml.SequenceEndEvent), events)
        return [_tree(one, events, where, depth + 1) for one in inner]
    result: dict[str, Tree] = {}
    for key in takewhile(lambda one: not isinstance(one, yaml.MappingEndEvent), events):
        if not isinstance(key, yaml.ScalarEvent):
            raise CatalogError(f"{where}{_place(key.start_mark)}: a key must be plain text")
        if key.value in result:
            raise CatalogError(f"{where}{_place(key.start_mark)}: '{key.value}' is given twice")
        result[key.value] = _tree(next(events), events, where, depth + 1)
    return result


def _place(mark: Any) -> str:
    return f":{mark.line + 1}:{mark.column + 1}" if mark else ""


def catalog_hash() -> str:
    """Twelve hex digits over the names and contents of all catalogue files; changes with any byte of them."""
    import hashlib

    digest = hashlib.sha256()
    for folder in roots():
        for path in sorted(folder.rglob("*.yaml")):
            digest.update(os.fsencode(path.relative_to(folder).as_posix()) + b"\0")
            digest.update(file_text(path).encode() + b"\0")
    return digest.hexdigest()[:12]


def _folders(kind: str) -> list[Path]:
    if kind not in KINDS:
        raise UnknownName("kinds", kind, tuple(difflib.get_close_matches(kind, KINDS)))
    return [folder for top in roots() if (folder := top / kind).is_dir()]


@lru_cache(maxsize=64)
def _index(folder: Path, _mtime_ns: int) -> tuple[dict[str, Path], dict[str, Path]]:
    """Files by normal name and by normal alias; where two files claim an alias the first in order keeps it."""
    by_name = {normal(path.stem): path for path in sorted(folder.glob("*.yaml"))}
    by_alias: dict[str, Path] = {}
    for path in by_name.values():
        for alias in quick_aliases(path):
            by_alias.setdefault(normal(alias), path)
    return by_name, by_alias


def quick_aliases(path: Path) -> list[str]:
    """The aliases of a file without reading its YAML as a whole."""
    match = _ALIASES.search(file_text(path))
    return [part.strip().strip("\"'") for part in match[1].split(",") if part.strip()] if match else []


def _suggestions(folders: list[Path], wanted: str) -> tuple[str, ...]:
    known: dict[str, str] = {}
    for folder in folders:
        by_name, by_alias = _index(folder, folder.stat().st_mtime_ns)
        known |= {spelling: path.stem for spelling, path in (by_alias | by_name).items()}
    close = difflib.get_close_matches(wanted, known, n=6, cutoff=0.6)
    within = [spelling for spelling in known if len(wanted) > 2 and wanted in spelling]
    return tuple(dict.fromkeys(known[spelling] for spelling in [*close, *sorted(within, key=len)]))[:3]
