"""`calibrate --shipped`: every engine profile and the bands in the catalogue refitted to one table, in place."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from capplan.catalog.bands import PATH as BANDS
from capplan.catalog.files import find, root
from capplan.engine.point import Point
from capplan.errors import UserError
from capplan.measured import band_file, profile_file
from capplan.measured.calibrate import Fit
from capplan.measured.generalise import LEFT_OUT, around, left_out_scores
from capplan.measured.points import Refusal
from capplan.measured.profile_file import Fitted
from capplan.measured.refit import Block, Refit, refit
from capplan.measured.table import Row

Tell = Callable[[str], None]


def refit_shipped(rows: Sequence[Row], points: Sequence[Point | Refusal], tell: Tell) -> None:
    """Fits every block to the rows and writes the catalogue's files; the same rows give the same bytes.

    tell: hears how it goes, a line at a time. Raises UserError where the catalogue cannot be written.
    """
    found = refit(rows, points, lambda block, one: tell(_line(block, one)))
    if not found.fits:
        raise UserError("no engine has enough measured rows to be fitted")
    for engine in sorted({block[0] for block in found.fits}):
        path = find("engines", engine)
        own = {block: one for block, one in found.fits.items() if block[0] == engine}
        blocks = {(vendor, era): _fitted(found, (name, vendor, era)) for name, vendor, era in own}
        _write(path, profile_file.rewritten(path.read_text("utf-8"), blocks))
    left_out = left_out_scores(rows, points, around(rows, points, found.overheads), LEFT_OUT["model"])
    bands = root() / BANDS
    _write(bands, band_file.rewritten(bands.read_text("utf-8"), band_file.widths(left_out)))


def _fitted(found: Refit, block: Block) -> Fitted:
    one = found.fits[block]
    left_out = one.cross_validated.median
    return Fitted(found.overheads[block], one.after.rows, one.after.median, None if math.isnan(left_out) else left_out)


def _line(block: Block, one: Fit) -> str:
    held = ", ".join(each.parameter.name.removesuffix("_s") for each in one.fitted if each.held)
    errors = f"{_percent(one.before.median)} before, {_percent(one.after.median)} after, "
    errors += f"{_percent(one.cross_validated.median)} on models left out"
    return f"{' '.join(block)}: {one.after.rows} values, median error {errors}; held: {held or 'none'}"


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f} %"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UserError(f"{path}: cannot write ({error.strerror})") from None
