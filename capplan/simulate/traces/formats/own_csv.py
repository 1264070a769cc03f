"""Own CSV: timestamp, prompt_tokens, output_tokens and perhaps thinking_tokens, class, prefix (page hashes)."""

from capplan.simulate.traces.fields import FieldError, Row, seconds, tokens
from capplan.simulate.traces.formats.csv_table import Parser, columns, fields_of

TITLE = "own CSV"
SKIPS = ""
NEEDED = ("timestamp", "prompt_tokens", "output_tokens")
OPTIONAL = ("thinking_tokens", "class", "prefix")


def recognises(line: str) -> bool:
    return "," in line and not line.startswith("{")


def parser(header: str) -> Parser:
    """The columns by name, in any order; `prefix` holds the page hashes of the prompt, separated by spaces."""
    at = columns(header, NEEDED, OPTIONAL)
    when, prompt, output = (at[name] for name in NEEDED)
    thinking, kind, prefix = (at.get(name) for name in OPTIONAL)
    least = max(at.values()) + 1

    def parse(line: str) -> Row | None:
        fields = fields_of(line, least)
        generated = tokens(fields[output], "output_tokens", 1)
        return (
            seconds(fields[when], "timestamp"),
            tokens(fields[prompt], "prompt_tokens", 1),
            generated,
            thought(fields[thinking].strip() or "0", generated) if thinking is not None else 0,
            fields[kind].strip() or "all" if kind is not None else "all",
            _pages(fields[prefix]) if prefix is not None else (),
        )

    return parse


def thought(text: str, output: int) -> int:
    """Thinking tokens, which leave at least one token for the answer."""
    thinking = tokens(text, "thinking_tokens", 0)
    if thinking >= output:
        raise FieldError(f"thinking_tokens {thinking} leave no token of the {output} output_tokens for the answer")
    return thinking


def _pages(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(page) for page in text.split())
    except ValueError:
        raise FieldError("prefix must be whole numbers separated by spaces, one for each page of the prompt") from None
