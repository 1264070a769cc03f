"""The shipped catalogue is sound, and `check` finds each kind of slip."""

from pathlib import Path

import pytest

from capplan.catalog import files
from capplan.catalog.check import check

HEAD = "name: x\ntitle: X\naliases: [ex]\nvendor: NVIDIA\ngeneration: hopper\noperators: h100-sxm\n"
SOURCES = "sources:\n  a: {kind: page, title: A, read: 2026-01-02}\n"
BODY = (
    "memory: {is: 80 GB, from: a}\nmemory_bandwidth: {is: 3 TB/s, from: a}\npeak: {from: a, bf16: 989 TFLOP/s}\n"
    "node: {from: a, gpus: 8, scale_up_gpus: 8}\n"
)
GOOD = HEAD + SOURCES + BODY
HUNGRY = (
    GOOD.replace("scale_up_gpus: 8", "scale_up_gpus: 8, power: {is: 5 kW, from: a}") + "tdp: {is: 700 W, from: a}\n"
)


@pytest.fixture
def problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """`problems(text)`: what `check` says of an accelerator file with this text."""

    def of(text: str, name: str = "x", kind: str = "accelerators") -> list[str]:
        folder = tmp_path / kind
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        monkeypatch.setenv("CAPPLAN_CATALOG", str(tmp_path))
        return [str(problem) for problem in check(kind)]

    return of


@pytest.mark.parametrize("kind", files.KINDS)
def test_the_shipped_catalogue_is_sound(kind: str) -> None:
    assert [str(problem) for problem in check(kind)] == []


def test_a_sound_file_has_no_problems(problems) -> None:  # type: ignore[no-untyped-def]
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("name: x", "name: y"), "name: 'y' is not the file's name 'x'"),
        (GOOD.replace("title: X\n", ""), "title: missing"),
        (GOOD + "tdp: {is: 700 W, from: b}\n", "tdp: from: 'b' is not among the file's sources (a)"),
        (GOOD + "tdp: {is: 700 W}\n", "tdp: '700 W' has no source; add `from:`"),
        (GOOD + "tdp: 700 W\n", "tdp: a figure without a source; write {is: 700 W, from: SOURCE}"),
        (GOOD.replace("2026-01-02", "2026-13-02"), "sources.a.read: '2026-13-02' is no date"),
        (GOOD.replace(", read: 2026-01-02", ""), "sources.a: needs `read: DATE`"),
        (GOOD.replace("kind: page, ", ""), "sources.a: needs kind, title and read"),
        (GOOD + "tdp: {is: 700 W, from: a, on: last week}\n", "on: 'last week' is no date"),
        (GOOD.replace("aliases: [ex]", "aliases: [H100]"), "aliases: 'H100' already stands for h100-sxm"),
        (GOOD.replace("aliases: [ex]", "aliases:\n  - ex"), "aliases: must be a list in brackets"),
        (GOOD.replace("989 TFLOP/s", "989 TFLOP/s, fp8: 3958 TFLOP/s"), "peak.fp8: more than twice bf16"),
        (GOOD.replace("989 TFLOP/s", "989 TB/s"), "peak.bf16: 989 TB/s is a data rate"),
        (GOOD + "link: {from: a, kind: NVLink 4, bandwidth: 900 GB/s}\n", "NVLink 4 carries 450 GB/s in one direction"),
        (GOOD.replace("80 GB", "80 MB"), "memory: 0.08 GB is out of proportion"),
        (GOOD.replace("h100-sxm", "h1000"), "operators: no file 'h1000'"),
        (HUNGRY, "node.power: below the 5600 W"),
        (GOOD + "speed: {is: 3 GHz, from: a}\n", "speed: unknown key"),
        (GOOD + "tdp: {is: 700 W, from: a}\ntdp: {is: 1 W, from: a}\n", "'tdp' is given twice"),
    ],
)
def test_each_slip_is_found_and_told_with_its_file(problems, text: str, message: str) -> None:  # type: ignore[no-untyped-def]
    found = problems(text)
    assert any(line.startswith("accelerators/x.yaml: ") and message in line for line in found), found


RENT = "rent:\n  - {price: 700 USD/hour, on: 2026-01-01, provider: p, tier: neocloud, term: spot, from: a}\n"
FREE = "prices:\n  - {model: m, on: 2026-01, input: 0 USD/Mtoken, output: 1 USD/Mtoken, from: a}\n"
CACHED = "prices:\n  - {model: m, on: 2026-01, input: 1 USD/Mtoken, cached_input: 2 USD/Mtoken, from: a}\n"
FALLING = "prompt_tokens: {from: a, mean: 9, quantiles: {p50: 8, p90: 7}}\n"


@pytest.mark.parametrize(
    ("kind", "name", "body", "message"),
    [
        ("prices/accelerators", "h100-sxm", RENT, "700 USD/hour of p is out of proportion"),
        ("prices/accelerators", "h1000", RENT, "no accelerator 'h1000' for these prices"),
        ("prices/api", "p", FREE, "m: a price that is zero"),
        ("prices/api", "p", CACHED, "m: cached_input is above input"),
        ("sites", "s", "pue: {is: 0.9, from: a}\n", "s: pue is out of proportion"),
        ("workloads", "w", FALLING, "prompt_tokens: the quantiles do not rise"),
    ],
)
def test_prices_sites_and_traffic_out_of_reason_are_found(problems, kind, name, body, message) -> None:  # type: ignore[no-untyped-def]
    found = problems(f"name: {name}\ntitle: T\n{SOURCES}{body}", name, kind)
    assert any(line.startswith(f"{kind}/{name}.yaml: ") and message in line for line in found), found
