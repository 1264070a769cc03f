"""Shipped engine profiles rewritten in place: fitted costs change, everything else in the file stays."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from capplan.catalog.engines import COSTS, Overheads, overhead_block
from capplan.errors import UserError

# The key of a block within one file: vendor, era.
Place = tuple[str, str]


@dataclass(frozen=True)
class Fitted:
    """What a block says after a fit: its costs, how many values they come from, errors on all and on left-out ones."""

    overheads: Overheads
    rows: int
    median_error: float
    left_out_error: float | None


def rewritten(text: str, blocks: Mapping[Place, Fitted]) -> str:
    """A profile file's text with the costs of these blocks; others, comments and limits stay as they are.

    Raises UserError for a block that the file does not have.
    """
    head, marker, body = text.partition("\noverheads:\n")
    if not marker:
        raise UserError("an engine profile without a list 'overheads'")
    parts = re.split(r"(?m)^(?=  - )", body)
    found = {_place(part): at for at, part in enumerate(parts) if part.startswith("  - ")}
    for place, fitted in blocks.items():
        if place not in found:
            raise UserError(f"the profile has no block of era {place[1]} for {place[0]}")
        parts[found[place]] = _block(parts[found[place]], fitted)
    return head + marker + "".join(parts)


def _block(text: str, fitted: Fitted) -> str:
    """One block with new costs after its head (era, vendor, since, from) and its own comments."""
    kept = [line for line in text.splitlines() if _key(line) not in {*COSTS, "fitted"}]
    costs = [f"    {key}: {value}" for key, value in overhead_block(fitted.overheads).items()]
    errors = f"rows: {fitted.rows}, median_error: {100 * fitted.median_error:.1f} %"
    if fitted.left_out_error is not None:
        errors += f", left_out_error: {100 * fitted.left_out_error:.1f} %"
    return "\n".join([*kept, *costs, f"    fitted: {{{errors}}}"]) + "\n"


def _place(block: str) -> Place:
    named = {_key(line): line.partition(":")[2].strip() for line in block.splitlines() if ":" in line}
    return named.get("vendor", "NVIDIA"), named.get("era", "")


def _key(line: str) -> str:
    return line.strip().removeprefix("- ").partition(":")[0].strip()
