"""Azure LLM inference traces of 2023 and 2024: TIMESTAMP, ContextTokens, GeneratedTokens (CC-BY-4.0)."""

from capplan.simulate.traces.fields import Row, seconds, tokens
from capplan.simulate.traces.formats.csv_table import Parser, columns, fields_of

TITLE = "Azure LLM inference CSV"
SKIPS = "without a generated token"
_COLUMNS = ("timestamp", "contexttokens", "generatedtokens")


def recognises(line: str) -> bool:
    return "contexttokens" in line.lower()


def parser(header: str) -> Parser:
    at = columns(header, _COLUMNS)
    when, prompt, output = (at[name] for name in _COLUMNS)
    least = max(when, prompt, output) + 1

    def parse(line: str) -> Row | None:
        fields = fields_of(line, least)
        generated = tokens(fields[output], "GeneratedTokens", 0)
        context = tokens(fields[prompt], "ContextTokens", 0)
        if not (generated and context):
            return None
        return seconds(fields[when], "TIMESTAMP"), context, generated, 0, "all", ()

    return parse
