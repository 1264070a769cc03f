"""Files of one's own catalogue: which names they may have, and how they are written."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from capplan.errors import UserError

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


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
            with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as draft:
                draft.write(text)
            Path(draft.name).chmod(0o644)
            Path(draft.name).replace(path)
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror})") from None
