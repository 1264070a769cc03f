"""Tables of the benchmarks in the README, between markers."""

import re
from collections.abc import Sequence
from pathlib import Path


def paste(readme: Path, name: str, lines: Sequence[str]) -> None:
    """Prints the lines and puts them between `<!-- name:begin -->` and `<!-- name:end -->`.

    Raises SystemExit where the markers are not there.
    """
    table = "\n".join(lines)
    print(table, flush=True)
    text = readme.read_text(encoding="utf-8")
    place = re.compile(f"(?s)(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)")
    if not place.search(text):
        raise SystemExit(f"{readme}: no <!-- {name}:begin --> ... <!-- {name}:end -->")
    readme.write_text(place.sub(lambda found: f"{found[1]}{table}\n{found[2]}", text), encoding="utf-8")
