"""Which catalogue a report rests on: its hash, its date and the age of its prices."""

import re

from capplan.catalog.files import catalog_hash, file_text, roots

_READ = re.compile(r"\bread:\s*['\"]?(\d{4}-\d{2}-\d{2})")
# Prices kept as a warning (`use: no`) are never computed with, so their age does not count.
_HELD = re.compile(r"^(?!.*\buse: no\b).*\bon:\s*['\"]?(\d{4}(?:-\d{2}){0,2})\b", re.MULTILINE)


def stamp() -> dict[str, str | None]:
    """`hash` of all files; `date`: when a source was last read; `oldest_price`: since when the oldest price of an
    accelerator holds, as exactly as it is dated (`2026`, `2026-05` or a day).

    None where no file has a date. Reads every file, so only for reports that record it.
    """
    files = [path for top in roots() for path in top.rglob("*.yaml")]
    prices = [path for top in roots() for path in (top / "prices" / "accelerators").glob("*.yaml")]
    return {
        "hash": catalog_hash(),
        "date": max((day for path in files for day in _READ.findall(file_text(path))), default=None),
        "oldest_price": min((day for path in prices for day in _HELD.findall(file_text(path))), default=None),
    }
