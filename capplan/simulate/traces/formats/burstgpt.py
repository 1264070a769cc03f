"""BurstGPT: Timestamp, Model, Request tokens, Response tokens, Total tokens, Log Type (arXiv 2401.17644)."""

from capplan.simulate.traces.fields import Row, seconds, tokens
from capplan.simulate.traces.formats.csv_table import Parser, columns, fields_of

TITLE = "BurstGPT CSV"
SKIPS = "that failed (no response tokens)"
_COLUMNS = ("timestamp", "model", "request tokens", "response tokens")


def recognises(line: str) -> bool:
    return "response tokens" in line.lower()


def parser(header: str) -> Parser:
    at = columns(header, _COLUMNS)
    when, model, prompt, output = (at[name] for name in _COLUMNS)
    least = max(at.values()) + 1

    def parse(line: str) -> Row | None:
        fields = fields_of(line, least)
        response = tokens(fields[output], "Response tokens", 0)
        request = tokens(fields[prompt], "Request tokens", 0)
        if not (response and request):
            return None
        return seconds(fields[when], "Timestamp"), request, response, 0, fields[model].strip() or "all", ()

    return parse
