"""ServeGen folders: client groups with a rate and burstiness per window and PDFs of lengths (arXiv 2505.09999)."""

import re
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np

from capplan.errors import UserError
from capplan.simulate.requests import Floats, Ints, Requests
from capplan.simulate.traces.fields import FieldError
from capplan.simulate.traces.formats.csv_table import split
from capplan.simulate.traces.length_pdfs import PARTS, dataset
from capplan.simulate.traces.lines import Faults, numbered_lines
from capplan.simulate.traces.reader import MOST_REQUESTS, Trace
from capplan.simulate.traffic.arrivals import MOST_CV, Gaps, unit_gaps


@dataclass(frozen=True)
class Window:
    """A stretch of a client's traffic: from start_s, arrivals a second, gaps of this law and variation."""

    start_s: float
    rate_per_s: float
    cv: float
    law: Gaps


def read_servegen(
    folder: Path,
    seed: int,
    *,
    start_s: float = 0.0,
    end_s: float = inf,
    rate_factor: float = 1.0,
    most_requests: int = MOST_REQUESTS,
) -> Trace:
    """A day as the client groups of a ServeGen folder make it, or the part [start_s, end_s) of it.

    Each client is a renewal process whose gaps have its window's burstiness, on a clock that runs at its window's
    rate. Lengths are drawn from the PDFs of its six hours, one by one: the PDFs do not say how prompt and output
    depend on each other. rate_factor: so many times the rate of every client.
    Raises UserError for a folder without traces, TraceFaults for their faults, UserError beyond `most_requests`.
    """
    clients = sorted(
        (int(match[1]), path)
        for path in folder.glob("chunk-*-trace.csv")
        if (match := re.fullmatch(r"chunk-(\d{1,9})-trace\.csv", path.name))
    )
    if not clients:
        raise UserError(f"{folder}: no chunk-N-trace.csv in it: this is no ServeGen folder")
    parts, total = [], 0
    for number, path in clients:
        rng = np.random.default_rng([seed, number])
        windows = _windows(path)
        arrival_s = _arrivals(windows, start_s, end_s, rate_factor, rng, most_requests)
        total += len(arrival_s)
        if total > most_requests:
            raise UserError(
                f"{folder}: more than {most_requests:,} requests; cut with --from and --until, scale the rate "
                "down, or raise --max-requests (some 400 bytes of memory each)"
            )
        if len(arrival_s):
            lengths = _lengths(path.with_name(f"chunk-{number}-dataset.json"), arrival_s, rng)
            parts.append((arrival_s, *lengths))
    if not parts:
        raise UserError(f"{folder}: no request between {start_s:g} s and {end_s:g} s")
    arrival_s = np.concatenate([part[0] for part in parts])
    prompt, output, thinking = (np.concatenate([part[at] for part in parts]) for at in (1, 2, 3))
    order = np.argsort(arrival_s, kind="stable")
    columns = (prompt[order], output[order], thinking[order], np.zeros(len(order), dtype=np.int64))
    note = f"drawn from {len(parts)} client groups with seed {seed}"
    return Trace(Requests(arrival_s[order] - start_s, *columns), "ServeGen folder", (note,))


def _windows(path: Path) -> list[Window]:
    faults, windows = Faults(path), []
    for line, text in numbered_lines(path):
        try:
            windows.append(_window(split(text)))
        except FieldError as error:
            faults.add(line, str(error))
        if len(windows) > 1 and windows[-1].start_s <= windows[-2].start_s:
            faults.add(line, "the window does not start after the one above it")
    faults.stop()
    if not windows:
        raise UserError(f"{path}: the file is empty")
    return windows


def _window(fields: list[str]) -> Window:
    if len(fields) < 4:
        raise FieldError(f"{len(fields)} fields where t, rate, cv, pattern, a, b are needed")
    try:
        start_s, rate, cv = (float(field) for field in fields[:3])
    except ValueError:
        raise FieldError("t, rate and cv must be numbers") from None
    if not (0 <= start_s < inf and 0 <= rate < inf and 0 <= cv <= MOST_CV):
        raise FieldError(f"t and rate must be finite and 0 or above, cv must lie in 0 .. {MOST_CV:g}")
    pattern = fields[3].strip().lower()
    if rate and pattern not in set(Gaps):
        raise FieldError(f"pattern {pattern[:20]!r} is none of {', '.join(Gaps)}")
    return Window(start_s, rate, 1.0 if pattern == Gaps.POISSON else cv, Gaps(pattern) if rate else Gaps.GAMMA)


def _arrivals(
    windows: list[Window], start_s: float, end_s: float, factor: float, rng: np.random.Generator, most: int
) -> Floats:
    """Arrivals of one client: a gap that spans windows passes each at its own rate."""
    width_s = windows[1].start_s - windows[0].start_s if len(windows) > 1 else 600.0
    found, debt = [], float(rng.random())  # operational time to the next arrival; the first is in mid-gap
    for window, following in zip(windows, [*windows[1:], None], strict=True):
        until_s = following.start_s if following else window.start_s + width_s
        rate = window.rate_per_s * factor
        room = rate * (until_s - window.start_s)
        if room > most:
            raise UserError(f"a client with {rate:g} requests/s alone makes more than {most:,} requests in a window")
        while debt < room:
            gaps = unit_gaps(int(room - debt) + 16, window.cv, window.law, rng)
            times = debt + np.concatenate([[0.0], np.cumsum(gaps)])
            inside = min(int(np.searchsorted(times, room)), len(gaps))
            found.append(window.start_s + times[:inside] / rate)
            debt = float(times[inside])
        debt -= room
    arrival_s = np.concatenate(found) if found else np.zeros(0)
    return arrival_s[(arrival_s >= start_s) & (arrival_s < end_s)]


def _lengths(path: Path, arrival_s: Floats, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Prompt, output and thinking tokens from the PDFs in force at each arrival."""
    laws = dataset(path)
    starts = np.array([start_s for start_s, _ in laws])
    spell = np.maximum(np.searchsorted(starts, arrival_s, side="right") - 1, 0)
    shares = rng.random((3, len(arrival_s)))
    drawn = np.empty((3, len(arrival_s)))
    for at in np.unique(spell):
        mine = np.flatnonzero(spell == at)
        for row, part in enumerate(PARTS):
            drawn[row, mine] = laws[at][1][part].draw(shares[row, mine])
    prompt, output = (np.maximum(1, np.rint(drawn[row])).astype(np.int64) for row in (0, 1))
    thinking = np.minimum(np.rint(drawn[2] * output).astype(np.int64), output - 1)
    return prompt, output, thinking
