"""Mooncake: JSONL of timestamp in ms, input_length, output_length, hash_ids of 512-token pages (Apache-2.0)."""

from capplan.simulate.traces.fields import FieldError, Row, json_object, pages, whole
from capplan.simulate.traces.formats.csv_table import Parser

TITLE = "Mooncake JSONL"
SKIPS = "without an output token"


def recognises(line: str) -> bool:
    return line.startswith("{") and '"input_length"' in line


def parser(header: str) -> Parser:
    return parse


def parse(line: str) -> Row | None:
    found = json_object(line)
    missing = [name for name in ("timestamp", "input_length", "output_length") if name not in found]
    if missing:
        raise FieldError(f"{missing[0]} is missing")
    moment = found["timestamp"]
    if not isinstance(moment, int | float) or isinstance(moment, bool) or not abs(moment) < 1e18:
        raise FieldError("timestamp is no number of milliseconds")
    prompt = whole(found["input_length"], "input_length", 0)
    output = whole(found["output_length"], "output_length", 0)
    if not (prompt and output):
        return None
    return moment / 1000, prompt, output, 0, "all", pages(found.get("hash_ids", []), "hash_ids")
