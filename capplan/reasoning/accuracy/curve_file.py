"""Reads a user's own accuracy points: CSV with columns tokens, accuracy and, optionally, n."""

from pathlib import Path

from capplan.errors import UserError
from capplan.reading import parse_csv, read_text
from capplan.reasoning.accuracy.curve import Curve, Point, fit

_LARGEST_BYTES = 1 << 20
_MOST = 1_000_000_000  # tokens or problems, beyond any that were measured


def read(path: Path) -> Curve:
    """The curve fitted to the points of a file.

    accuracy may be in percent (74, `74 %`) or as ratios (0.74); one file uses one of them. n is the number of problems.
    Raises UserError naming the file and line for anything that cannot be read, and for points that carry no curve.
    """
    rows = _rows(path)
    accuracies = [_number(path, line, "accuracy", text.removesuffix("%")) for line, _, text, _ in rows]
    percent = any(text.endswith("%") for _, _, text, _ in rows) or max(accuracies) > 1.0
    points = []
    for (line, tokens, text, problems), accuracy in zip(rows, accuracies, strict=True):
        if not 0 <= accuracy <= (100 if percent else 1):
            raise UserError(f"{path}:{line}: accuracy {text} is outside 0 .. 100 %")
        count = _number(path, line, "n", problems) if problems else None
        if count is not None and not 1 <= count <= _MOST:
            raise UserError(f"{path}:{line}: n {problems} must be 1 or more problems, and no more than {_MOST:,}")
        length = _number(path, line, "tokens", tokens.replace("_", ""))
        if not 1 <= length <= _MOST:
            raise UserError(f"{path}:{line}: tokens {tokens} must be above 0, and no more than {_MOST:,}")
        points.append(Point(length, accuracy / 100 if percent else accuracy, count))
    return fit(points, str(path))


def _rows(path: Path) -> list[tuple[int, str, str, str]]:
    """(line, tokens, accuracy, n) of every row that is not empty."""
    columns, cells = parse_csv(read_text(path, _LARGEST_BYTES), path)
    names = {name.lower(): name for name in columns}
    missing = [name for name in ("tokens", "accuracy") if name not in names]
    if missing:
        raise UserError(f"{path}:1: no column '{missing[0]}' (the header must name tokens, accuracy and, if known, n)")
    rows = [
        (line, row[names["tokens"]], row[names["accuracy"]].replace(" ", ""), row.get(names.get("n", ""), ""))
        for line, row in cells
    ]
    if not rows:
        raise UserError(f"{path}: no points (a curve needs at least three rows of tokens, accuracy and n)")
    return rows


def _number(path: Path, line: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{path}:{line}: {column} '{text}' is not a number") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise UserError(f"{path}:{line}: {column} '{text}' is not a finite number")
    return value
