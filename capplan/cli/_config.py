"""Settings of a project or of a person: which scenario, policy and catalogue are meant where none is named.

In the order in which they win: what the command line names; `CAPPLAN_SCENARIO`, `CAPPLAN_POLICY` and
`CAPPLAN_CATALOG`; the file that `CAPPLAN_CONFIG` names; the nearest folder, from the working directory up to the root
of its git repository, that holds `capplan.yaml`, `.capplan.yaml` or a `pyproject.toml` with `[tool.capplan]`, taken in
this order; `capplan.yaml` in the user's configuration folder. One file holds: settings of several are not mixed.
Paths in a file start where the file lies.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from capplan.errors import UserError

NAMES = ("capplan.yaml", ".capplan.yaml", "pyproject.toml")
# Larger than any pyproject.toml that a person wrote.
_MOST_BYTES = 1_000_000
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
    files = (folder / name for folder in _folders() for name in NAMES)
    # A folder that may not be entered holds nothing for us: `Path.is_file` raises there.
    there = (file for file in files if os.path.isfile(file))  # noqa: PTH113
    return next((file for file in there if file.suffix != ".toml" or _table(file) is not None), None)


def _folders() -> list[Path]:
    """From the working directory up to the root of its repository, then the user's own folder."""
    try:
        here = Path.cwd()
        up = [here, *here.parents]
    except OSError:  # somebody removed it
        up = []
    root = next((at for at, folder in enumerate(up) if os.path.exists(folder / ".git")), 0)  # noqa: PTH110
    own = user_folder()
    return [*up[: root + 1], *([own] if own else [])]


def user_folder() -> Path | None:
    """Where this system keeps a person's settings of this program; None for a user without a home."""
    from platformdirs import user_config_path

    try:
        return user_config_path("capplan", appauthor=False, roaming=True)
    except RuntimeError:  # a user without a home, as in a container
        return None


def _of_file(file: Path | None, key: str) -> str | None:
    if file is None:
        return None
    value = dict(_read(file, file.stat().st_mtime_ns)).get(key)
    if value is None:
        return None
    # A policy may stand in the file itself.
    return str(file) if value == "" else str(file.parent / Path(os.path.expanduser(value)))  # noqa: PTH111  (Path.expanduser raises for an unknown user)


@lru_cache(maxsize=8)
def _read(file: Path, _mtime_ns: int) -> tuple[tuple[str, str], ...]:
    return _of_table(file) if file.suffix == ".toml" else _of_yaml(file)


def _table(file: Path) -> Mapping[str, object] | None:
    """`[tool.capplan]` of a pyproject.toml; None where it has none or cannot be read: that is for others to tell."""
    from capplan.reading import Unreadable, read_text

    try:
        text = read_text(file, _MOST_BYTES)
        if "capplan" not in text:
            return None
        import tomllib

        found = tomllib.loads(text).get("tool", {}).get("capplan")
    except (Unreadable, ValueError, AttributeError):
        return None
    return found if isinstance(found, dict) else None


def _of_table(file: Path) -> tuple[tuple[str, str], ...]:
    from capplan.scenario.kinds import nearest

    held = _table(file) or {}
    wrong = [
        f"{file}: tool.capplan.{key}: unknown key ({nearest(key, KEYS) or 'keys: ' + ', '.join(KEYS)})"
        for key in held if key not in KEYS
    ]  # fmt: skip
    wrong += [
        f"{file}: tool.capplan.{key}: a path is needed here (such as {key} = \"{key}.yaml\")"
        for key, value in held.items() if key in KEYS and not (isinstance(value, str) and value)
    ]  # fmt: skip
    if wrong:
        raise UserError("\n".join(wrong))
    return tuple((key, str(value)) for key, value in held.items())


def _of_yaml(file: Path) -> tuple[tuple[str, str], ...]:
    from capplan.reading import read_text
    from capplan.scenario.document import LARGEST_BYTES, parse
    from capplan.scenario.faults import ScenarioFaults
    from capplan.scenario.kinds import nearest

    root, faults = parse(read_text(file, LARGEST_BYTES), str(file))
    if root.value is not None and not isinstance(root.value, dict):
        raise ScenarioFaults([root.fault("", "keys are needed here", f"there are {', '.join(KEYS)}")])
    held = root.value or {}
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
