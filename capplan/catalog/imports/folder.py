"""Files of one's own catalogue: which names they may have, and how they are written."""

import re
from collections.abc import Mapping
from pathlib import Path

from capplan.errors import UserError
from capplan.writing import write_file

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,199}")


def file_of(folder: Path, kind: str, name: str) -> Path:
    """Where an entry stands; raises UserError for a name that no file of the catalogue can have."""
    if not _NAME.fullmatch(name):
        raise UserError(f"'{name}' is no name for a file of the catalogue (letters, digits, points and hyphens)")
    return folder / kind / f"{name}.yaml"


def save(made: Mapping[Path, str]) -> None:
    """Writes each file whole or not at all; raises UserError where that cannot be."""
    for path, text in made.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{path}: cannot write ({error.strerror})") from None
        write_file(path, text)
