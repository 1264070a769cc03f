"""Contents that nobody wrote in good faith, or that somebody wrote in a hurry; each meets every loader."""

MANY = 100_000


def _laughs() -> bytes:
    """Each line ten times the one above it: ten thousand million words."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    return "\n".join(lines).encode()


# For files of any kind.
ANY: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b" \n\t\n  \r\n",
    "zero bytes": b"\0" * 4096,
    "random bytes": bytes(range(256)) * 16,
    "an executable": b"\x7fELF\x02\x01\x01" + bytes(57),
    "a packed file": b"\x1f\x8b\x08\x00" + bytes(64),
    "utf-16": "version: 1".encode("utf-16"),
    "a byte order mark alone": b"\xef\xbb\xbf",
    "half a letter": "é".encode()[:1],
    "letters that steer a terminal": b"\x1b[31m\x1b]0;owned\x07\r\x08",
    "one line of a megabyte": b"x" * (1 << 20),
    "commas": b"," * MANY,
    "quotes": b'"' * (MANY + 1),
    "line ends": b"\n" * MANY,
    "brackets": b"[" * MANY,
    "closed brackets": b"[" * MANY + b"]" * MANY,
    "braces": b'{"a":' * MANY,
    "mappings within mappings": b"".join(b" " * n + b"a:\n" for n in range(400)),
    "a billion laughs": _laughs(),
    "an alias of itself": b"a: &a [*a]\n",
    "a merge of itself": b"a: &a\n  <<: *a\n",
    "a tag that makes an object": b"!!python/object/apply:os.system [exit 1]\n",
    "a pickle": b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04exit\x94\x85\x94R\x94.",
    "a key twice, YAML": b"version: 1\nversion: 1\nname: a\nname: b\n",
    "a key twice, JSON": b'{"schema": "capplan.report/1", "schema": "capplan.report/1", "a": 1, "a": 2}',
    "null": b"null",
    "a number": b"1e308",
    "a number of ten thousand digits": b"9" * 10_000,
    "such a number in JSON": b'{"a": ' + b"9" * 10_000 + b"}",
    "not numbers, JSON": b'{"a": NaN, "b": Infinity, "c": -Infinity}',
    "a list of nothing": b"[]",
    "a list of lists": b"[[], [[]], {}]",
    "a document after a document": b"a: 1\n---\nb: 2\n",
    "a page of HTML": b"<!DOCTYPE html><html><body>404</body></html>",
    "a merge conflict": b"<<<<<<< HEAD\nversion: 1\n=======\nversion: 2\n>>>>>>> main\n",
}

# Figures that stand in place of good ones, one at a time, in a file that is right otherwise.
FIGURES = (
    "", "nan", "NaN", ".nan", "inf", "-inf", ".inf", "Infinity", "-1", "-1 USD", "0", "-0", "1e308", "1e-308", "1e999",
    "1e30", "1e29", "9" * 400, "1e999 GB", "1 GB**9999", "1 GB^9", "3 parsec", "5 m(", "((((", "1 %%", "101 %", "1,5",
    "0x10", "1_000", "١٢", "½", "∞", "yes", "null", "~", "[]", "{}", "[1, 2]", "a" * 3000, "../../../etc/passwd",
    "/dev/zero", "$(reboot)", "%s%n", "{{7*7}}", "\\x00", "'", "2026-13-45", "0000-00-00", "true", "{low: 1}",
    "{low: 3, mid: 2, high: 1}", "{is: 1}", "{lognormal: {mean: 1e308, p95: 1}}",
)  # fmt: skip

# Large files by suffix, made as they are written: what begins them, what comes again and again, what ends them.
HUGE: dict[str, tuple[tuple[bytes, bytes, bytes], ...]] = {
    ".yaml": ((b"", b"- 1\n", b""), (b"", "\U0001f600".encode(), b"")),
    ".json": ((b"[", b"[],", b"[]]"), (b'{"a":[', b"{},", b"{}]}"), (b"", b"\0", b"")),
    ".jsonl": ((b"", b'{"timestamp":1,"prompt_tokens":1,"output_tokens":1}\n', b""), (b"", b"x", b"")),
    ".csv": (
        (b"model,gpu,isl\n", b"a,b,1\n", b""),
        (b"timestamp,prompt_tokens,output_tokens\n", b"1,1,1\n", b""),
        (b"", b"\n", b""),
    ),
}
