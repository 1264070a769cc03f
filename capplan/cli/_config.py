"""Settings of a project or of a person: which scenario, policy and catalogue are meant where none is named.

In the order in which they win: `CAPPLAN_SCENARIO`, `CAPPLAN_POLICY` and `CAPPLAN_CATALOG`; the file that
`CAPPLAN_CONFIG` names; the nearest `capplan.yaml` or `.capplan.yaml` from the working directory up to the root of its
git repository; `capplan/capplan.yaml` in the user's configuration folder. Paths in a file start where the file lies.
"""

import os
import sys
from functools import lru_cache
from pathlib import Path

from capplan.errors import UserError

NAMES = ("capplan.yaml", ".capplan.yaml")
KEYS = ("scenario", "policy", "catalog")


def setting(key: str) -> str | None:
    """A path that is to be taken where the command line names none, or None."""
    return os.environ.get(f"CAPPLAN_{key.upper()}") or _of_file(found(), key)


def apply() -> None:
    """Makes a configured catalogue the one that is read."""
    file = found()
    if file is not None and not os.environ.get("CAPPLAN_CATALOG") and (folder := _of_file(file, "catalog")):
        os.environ["CAPPLAN_CATALOG"] = folder


def found() -> Path | None:
    """The file of settings that holds here, or None."""
    named = os.environ.get("CAPPLAN_CONFIG")
    if named:
        if not Path(named).is_file():
            raise UserError(f"CAPPLAN_CONFIG={named}: no such file; unset it or name one")
        return Path(named)
    return next((file for folder in _folders() for name in NAMES if (file := folder / name).is_file()), None)


def _folders() -> list[Path]:
    """From the working directory up to the root of its repository, then the user's own folder."""
    here = Path.cwd()
    up = [here, *here.parents]
    root = next((at for at, folder in enumerate(up) if (folder / ".git").exists()), 0)
    return [*up[: root + 1], user_folder()]


def user_folder() -> Path:
    """Where this system keeps a person's settings of this program."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "capplan"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "capplan"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "capplan"


def _of_file(file: Path | None, key: str) -> str | None:
    if file is None:
        return None
    value = dict(_read(file, file.stat().st_mtime_ns)).get(key)
    if value is None:
        return None
    # A policy may stand in the file itself.
    return str(file) if value == "" else str(file.parent / Path(value).expanduser())


@lru_cache(maxsize=8)
def _read(file: Path, _mtime_ns: int) -> tuple[tuple[str, str], ...]:
    from capplan.reading import read_text
    from capplan.scenario.document import LARGEST_BYTES, parse
    from capplan.scenario.faults import ScenarioFaults
    from capplan.scenario.kinds import nearest

    root, faults = parse(read_text(file, LARGEST_BYTES), str(file))
    held = root.value if isinstance(root.value, dict) else {}
    wrong = [
        node.fault(key, "unknown key", nearest(key, KEYS) or f"keys: {', '.join(KEYS)}", at_key=True)
        for key, node in held.items() if key not in KEYS
    ]  # fmt: skip
    wrong += [
        node.fault(key, "a path is needed here", f"such as {key}: {key}.yaml")
        for key, node in held.items()
        if key in KEYS and not isinstance(node.value, str) and not (key == "policy" and isinstance(node.value, dict))
    ]
    if faults or wrong:
        raise ScenarioFaults([*faults, *wrong])
    return tuple((key, node.value if isinstance(node.value, str) else "") for key, node in held.items())
