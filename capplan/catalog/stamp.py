"""Which catalogue a report rests on: its hash, its date and the age of its prices."""

import re

from capplan.catalog.files import catalog_hash, roots

_READ = re.compile(r"\bread:\s*['\"]?(\d{4}-\d{2}-\d{2})")


def stamp() -> dict[str, str | None]:
    """`hash` of all files, `date` of the newest reading of a source, `oldest_price`: the oldest among the prices.

    Dates are ISO text, None where no file has one. Reads every file, so only for reports that record it.
    """
    files = [(path.relative_to(top).parts[0], path) for top in roots() for path in top.rglob("*.yaml")]
    days = [(kind, day) for kind, path in files for day in _READ.findall(path.read_text("utf-8"))]
    return {
        "hash": catalog_hash(),
        "date": max((day for _, day in days), default=None),
        "oldest_price": min((day for kind, day in days if kind == "prices"), default=None),
    }
