"""ServeGen length PDFs: a JSON file a client, with input, output and thinking share by spell of the day."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from capplan.reading import read_text
from capplan.simulate.requests import Floats
from capplan.simulate.traces.fields import FieldError, json_object
from capplan.simulate.traces.lines import TraceFaults

PARTS = ("input_tokens", "output_tokens", "reason_ratio")
MOST_DATASET_BYTES = 16 << 20


@dataclass(frozen=True, eq=False)
class Pdf:
    """Values and how likely they are; shape (V,)."""

    values: Floats
    weights: Floats

    @cached_property
    def _rising(self) -> Floats:
        result: Floats = np.cumsum(self.weights) / self.weights.sum()
        return result

    def draw(self, shares: Floats) -> Floats:
        """Values at uniform random shares."""
        return self.values[np.minimum(np.searchsorted(self._rising, shares), len(self.values) - 1)]


def dataset(path: Path) -> list[tuple[float, dict[str, Pdf]]]:
    """The PDFs by the time from which they hold; spells without requests have none and are left out."""
    try:
        found = json_object(read_text(path, MOST_DATASET_BYTES))
    except FieldError as error:
        raise TraceFaults(f"{path}: {error}") from error
    laws = []
    for key, parts in found.items():
        if not isinstance(parts, dict) or not set(PARTS) <= set(parts):
            raise TraceFaults(f"{path}: {key!r}: {', '.join(PARTS)} are needed")
        try:
            pdfs = {part: _pdf(str(parts[part])) for part in PARTS}
            start_s = float(key)
        except ValueError as error:
            raise TraceFaults(f"{path}: {key!r}: {error}") from error
        if all(pdf is not None for pdf in pdfs.values()):
            laws.append((start_s, {part: pdf for part, pdf in pdfs.items() if pdf is not None}))
    if not laws:
        raise TraceFaults(f"{path}: no spell has PDFs of {', '.join(PARTS)}")
    return sorted(laws, key=lambda law: law[0])


def _pdf(text: str) -> Pdf | None:
    """`{45: 0.0096, 46: 0.0117}` as it is written in the files: a Python dict as text."""
    pairs = [pair.partition(":")[::2] for pair in text.strip().strip("{}").split(",") if pair.strip()]
    values = np.array([float(value) for value, _ in pairs])
    weights = np.array([float(weight) for _, weight in pairs])
    if not np.isfinite(values).all() or not np.isfinite(weights).all() or (values < 0).any() or (weights < 0).any():
        raise FieldError("values and weights of a PDF must be finite and 0 or above")
    return Pdf(values, weights) if weights.sum() > 0 else None
