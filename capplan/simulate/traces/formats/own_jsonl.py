"""Own JSONL: timestamp in s, prompt_tokens, output_tokens and perhaps thinking_tokens, class, prefix (a list)."""

from capplan.simulate.traces.fields import FieldError, Row, json_object, pages, seconds, whole
from capplan.simulate.traces.formats.csv_table import Parser
from capplan.simulate.traces.formats.own_csv import NEEDED, thought

TITLE = "own JSONL"
SKIPS = ""


def recognises(line: str) -> bool:
    return line.startswith("{")


def parser(header: str) -> Parser:
    return parse


def parse(line: str) -> Row | None:
    found = json_object(line)
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise FieldError(f"{missing[0]} is missing")
    output = whole(found["output_tokens"], "output_tokens", 1)
    thinking = whole(found.get("thinking_tokens", 0), "thinking_tokens", 0)
    return (
        seconds(str(found["timestamp"]), "timestamp"),
        whole(found["prompt_tokens"], "prompt_tokens", 1),
        output,
        thought(str(thinking), output),
        str(found.get("class", "all")) or "all",
        pages(found.get("prefix", []), "prefix"),
    )
