"""A trace file as requests: any of the known formats, streamed, checked line by line."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from math import inf
from pathlib import Path
from typing import Any

from capplan.errors import UserError
from capplan.simulate.requests import Requests
from capplan.simulate.traces.columns import Columns
from capplan.simulate.traces.fields import FieldError, Row
from capplan.simulate.traces.lines import Faults, TraceFaults, numbered_lines

# In the order in which they are asked: the own formats recognise whatever looks like CSV or JSONL.
FORMATS = ("azure", "burstgpt", "mooncake", "own_csv", "own_jsonl")
# Some 50 bytes a request here, and 350 in the simulation.
MOST_REQUESTS = 3_000_000


@dataclass(frozen=True)
class Trace:
    """Requests of a trace, from time 0, and sentences about what was left out of them."""

    requests: Requests
    format: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Cut:
    """What of a trace is wanted: arrivals in [start_s, end_s) after the first, of at most so many tokens.

    most_tokens: prompt and output of a request together; a longer one is a fault, or left out with `drop_long`.
    """

    start_s: float = 0.0
    end_s: float = inf
    most_tokens: int | None = None
    drop_long: bool = False
    most_requests: int = MOST_REQUESTS


def read_trace(path: Path, cut: Cut | None = None) -> Trace:
    """The requests of a trace; reading ends at `cut.end_s`, so that the beginning of any file is quick.

    Raises TraceFaults with file:line of each fault (at most 20), and UserError where more requests than
    `cut.most_requests` would have to be held or none is left.
    """
    cut = cut or Cut()
    faults, found = Faults(path), Columns(path)
    form, rows = _rows(path, faults)
    skipped, dropped, first_s, before_s = 0, 0, None, -inf
    for line, row in rows:
        if row is None:
            skipped += 1
            continue
        moment_s = row[0]
        if moment_s < before_s:
            faults.add(line, f"time {moment_s:.6f} s comes after {before_s:.6f} s above it: sort the trace by time")
            continue
        before_s = moment_s
        first_s = moment_s if first_s is None else first_s
        if moment_s - first_s >= cut.end_s:
            break
        if moment_s - first_s < cut.start_s:
            continue
        if cut.most_tokens is not None and row[1] + row[2] > cut.most_tokens:
            dropped += 1
            if not cut.drop_long:
                faults.add(line, _too_long(row, cut.most_tokens))
            continue
        found.add(moment_s - first_s - cut.start_s, row, line)
        if len(found) > cut.most_requests:
            raise UserError(
                f"{path}:{line}: more than {cut.most_requests:,} requests; cut the trace in time with --from and "
                "--until, or raise --max-requests (some 400 bytes of memory each)"
            )
    faults.stop()
    if not len(found):
        raise UserError(f"{path}: no request between {cut.start_s:g} s and {cut.end_s:g} s of the trace")
    notes = [f"{skipped:,} lines of requests {form.SKIPS} were left out"] * (skipped > 0)
    notes += [f"{dropped:,} requests of more than {cut.most_tokens or 0:,} tokens were left out"] * (dropped > 0)
    return Trace(found.requests(), form.TITLE, tuple(notes))


def _rows(path: Path, faults: Faults) -> tuple[Any, Iterator[tuple[int, Row | None]]]:
    """The module of the trace's format, and its lines parsed: None for one that the format leaves out."""
    lines = numbered_lines(path)
    number, first = next(lines, (0, ""))
    if not number:
        raise UserError(f"{path}: the file is empty")
    form = _format(path, number, first)
    try:
        parse = form.parser(first)
    except FieldError as error:
        raise TraceFaults(f"{path}:{number}: {error}") from error
    data = chain([(number, first)], lines) if first.startswith("{") else lines

    def parsed() -> Iterator[tuple[int, Row | None]]:
        for line, text in data:
            try:
                yield line, parse(text)
            except FieldError as error:
                faults.add(line, str(error))

    return form, parsed()


def _format(path: Path, number: int, first: str) -> Any:
    for name in FORMATS:
        form = import_module(f"capplan.simulate.traces.formats.{name}")
        if form.recognises(first):
            return form
    raise TraceFaults(
        f"{path}:{number}: no known trace: a CSV header with timestamp,prompt_tokens,output_tokens, JSON lines with "
        "the same keys, or an Azure, BurstGPT, Mooncake or ServeGen trace is needed"
    )


def _too_long(row: Row, most_tokens: int) -> str:
    return (
        f"{row[1]:,} prompt and {row[2]:,} output tokens exceed the {most_tokens:,} that fit: "
        "serve a longer context, or leave such requests out with --drop-long"
    )
