"""Every key of a scenario under values that nobody means: planned, or refused where it stands in the file."""

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

from capplan.errors import CapplanError
from capplan.plan import plan
from capplan.scenario.json_schema import scenario_schema
from capplan.scenario.loader import loads
from tests.hostile.test_files import soon

SCHEMA = scenario_schema()
VALUES = (
    ".nan", ".inf", "-.inf", "-1", "0", "1e308", "1e30", "9" * 400, "3 parsec", "1e3kkkm**999999", "[]", "{}", "null",
    "/dev/zero", f'"{"x" * (1 << 20)}"',
)  # fmt: skip
# In place of the number of an example, with its unit behind: as far as units go, and a little further than sense does.
NUMBERS = ("-1", "0", "1e-29", "1e12", "1e29")
# Some plan cannot be paid, or told to the cent: no single key of the file is at fault.
OF_THE_WHOLE = "cost more than|a line of the bill is more than"
DEEPEST = 3
Path = tuple[str | int, ...]


def keys(section: dict[str, Any] = SCHEMA, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every key of the file by its path, 0 for the first of a list."""
    for name, key in section["properties"].items():
        yield (*path, name), key
        forms = [key, *key.get("anyOf", ())]
        inner = [(form["$ref"], ()) for form in forms if "$ref" in form]
        inner += [(form["items"]["$ref"], (0,)) for form in forms if "$ref" in form.get("items", {})]
        for ref, first in inner[:1]:
            if len(path) < DEEPEST:
                yield from keys(SCHEMA["$defs"][ref.rpartition("/")[2]], (*path, name, *first))


def values(key: dict[str, Any]) -> Iterator[str]:
    yield from VALUES
    for example in (*key.get("examples", ()), key.get("default")):
        if found := re.fullmatch(r"[\d.,]+(.*)", str(example)):
            yield from (number + found[1] for number in NUMBERS)


def written(path: Path, value: str) -> str:
    """A scenario that gives one key, and else as little as it can."""
    top, *rest = path
    for step in reversed(rest):
        value = f"[{value}]" if step == 0 else f"{{{step}: {value}}}"
    needed = {"version": "1", "workload": "{qps: 10}"} | {str(top): value}
    return "".join(f"{name}: {text}\n" for name, text in needed.items())


KEYS = dict(keys())


@pytest.mark.parametrize("section", sorted({str(path[0]) for path in KEYS}))
def test_a_key_gone_mad_is_planned_or_refused_where_it_stands(section: str) -> None:
    for path, key in KEYS.items():
        if path[0] != section:
            continue
        for value in dict.fromkeys(values(key)):
            asked = f"{'.'.join(map(str, path))}: {value[:40]}"
            try:
                with soon():
                    row = plan(loads(written(path, value), "mad.yaml")).row
            except CapplanError as refused:
                said = str(refused)
                assert refused.exit_code in (2, 3, 4), asked
                assert len(said) < 3000, asked
                placed = re.match(r"mad\.yaml:\d+:\d+: ", said) or re.search(OF_THE_WHOLE, said)
                assert placed or refused.exit_code != 2, f"{asked} -> {said[:300]}"
            else:
                assert all(math.isfinite(one) for one in row.values() if isinstance(one, float)), asked


def test_the_table_has_every_section() -> None:
    assert len(KEYS) > 200 and {path[0] for path in KEYS} == set(SCHEMA["properties"])
