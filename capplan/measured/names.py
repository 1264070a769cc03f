"""Models and accelerators as benchmark authors write them, found in the catalogue."""

import re
from collections.abc import Iterator
from functools import lru_cache

from capplan.catalog.accelerators import Accelerator, accelerator
from capplan.catalog.files import UnknownName
from capplan.catalog.models import Model, model

_VENDOR = re.compile(
    r"\b(nvidia|amd|intel|google|aws|habana|instinct|radeon|tensor core|gpu|accelerator)\b", re.IGNORECASE
)
_MEMORY = re.compile(r"[-_ ]?\(?\b\d+ ?gi?b\b\)?( ?hbm\w*)?", re.IGNORECASE)
_COUNT = re.compile(r"^\d+ ?x ?|[ (]x ?\d+\)?$", re.IGNORECASE)


class Unresolved(Exception):
    """A row that names something the catalogue lacks; becomes the row's `refused`."""


@lru_cache(maxsize=4096)
def resolve_model(hf_model: str, short_name: str) -> Model:
    """The catalogue's model; the checkpoint's id goes before the short name. Raises Unresolved for an unknown one."""
    failures = []
    for spelling in dict.fromkeys(text for text in (_checkpoint(hf_model), short_name) if text):
        try:
            return model(spelling)
        except UnknownName as unknown:
            failures.append(str(unknown))
    raise Unresolved(failures[-1] if failures else "no model is named")


@lru_cache(maxsize=512)
def resolve_accelerator(name: str) -> Accelerator:
    """The catalogue's accelerator, with or without vendor, memory size and count; raises Unresolved."""
    failures = []
    for spelling in dict.fromkeys(_accelerator_spellings(name)):
        try:
            return accelerator(spelling)
        except UnknownName as unknown:
            failures.append(str(unknown))
    raise Unresolved(failures[0])


@lru_cache(maxsize=512)
def known_model(name: str) -> Model:
    """The model of a catalogue name, read once."""
    return model(name)


def _checkpoint(hf_model: str) -> str:
    """A checkpoint on somebody's disk is known by its last part only."""
    return hf_model.rstrip("/").rpartition("/")[2] if hf_model.startswith(("/", ".", "~")) else hf_model


def _accelerator_spellings(name: str) -> Iterator[str]:
    yield name
    plain = _COUNT.sub("", name).strip()
    yield plain
    without_vendor = " ".join(_VENDOR.sub(" ", plain).split())
    yield without_vendor
    yield _MEMORY.sub("", without_vendor).strip(" -_")
