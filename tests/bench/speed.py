"""`make bench`: what commands and work cost in processor time, in one run, as ratios; pasted into the README.

A machine that is busy or slow is so for all rows alike: compare rows, not runs.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from pasted import paste
from work import WORK

ROOT = Path(__file__).parents[2]
PROGRAM = str(Path(sys.executable).with_name("capplan"))
RUNS = 7
TYPER_APP = "import typer; app = typer.Typer(); app.command()(lambda: None); app(['--help'], standalone_mode=False)"
# Label, command, and the label of the row that it is a multiple of.
COMMANDS = [
    ("`python -c pass`", [sys.executable, "-c", "pass"], "bare imports"),
    ("bare imports", [sys.executable, "-c", "import typer, rich, yaml, pydantic, numpy"], "bare imports"),
    ("`--help` of a bare typer app", [sys.executable, "-c", TYPER_APP], "`--help` of a bare typer app"),
    ("`capplan --help`", [PROGRAM, "--help"], "`--help` of a bare typer app"),
    ("`capplan tco --qps 100 --k 8`", [PROGRAM, "tco", "--qps", "100", "--k", "8"], "bare imports"),
    ("`capplan sweep`, 4 rows", [PROGRAM, "sweep", "scenarios/cot-k-sweep.yaml"], "bare imports"),
]  # fmt: skip
# The largest size of each kind of work; a quarter and a half of it show how it grows.
SIZES = {
    "plans": 20_000,
    "prices": 20_000,
    "models": 20_000,
    "sweep": 10_000,
    "worlds": 10_000,
    "requests": 1_000_000,
    "candidates": 1_008_000,
}
SHOWN = {
    "plans": "full plans of one layout, traffic and K swept",
    "prices": "full plans, the price of a GPU swept",
    "models": "full plans of 16 models and GPUs, traffic swept",
    "sweep": "rows of a sweep, layouts tried and CSV written",
    "worlds": "Monte-Carlo worlds of `risk`",
    "requests": "simulated requests, 1.4e9 output tokens",
    "candidates": "candidates of `optimize`",
}


def spent_s(command: Sequence[str], directory: Path = ROOT) -> float:
    """Processor seconds of a command, its children included; raises CalledProcessError where it fails."""
    before = os.times()
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    after = os.times()
    return (after.children_user + after.children_system) - (before.children_user + before.children_system)


def commands() -> list[str]:
    """Rows of the table of commands: in turn, round by round, so that a slow moment meets all of them."""
    rounds = [{label: spent_s(command) for label, command, _ in COMMANDS} for _ in range(RUNS)]
    rows = ["| command | processor time | ratio |", "|---|---:|---:|"]
    for label, _, base in COMMANDS:
        ratio = median(one[label] / one[base] for one in rounds)
        against = "" if base == label else f"{ratio:.2f}x {base.removeprefix('`--help` of a ')}"
        rows.append(f"| {label} | {median(one[label] for one in rounds):.2f} s | {against} |")
    return rows


def work() -> list[str]:
    """Rows of the table of work."""
    rows = [
        "| work | size | processor time | a second | twice the size | four times | memory |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, largest in SIZES.items():
        sizes = (largest // 4, largest // 2, largest)
        quarter, half, whole = (measured(name, size) for size in sizes)
        per_s = whole["done"] / whole["cpu_s"]
        rows.append(
            f"| {SHOWN[name]} | {whole['done']:,.0f} | {whole['cpu_s']:.2f} s | {per_s:,.0f} | "
            f"{half['cpu_s'] / quarter['cpu_s']:.1f}x | {whole['cpu_s'] / quarter['cpu_s']:.1f}x | "
            f"{whole['peak_gb']:.2f} GB |"
        )
    return rows


def measured(name: str, size: int) -> dict[str, float]:
    """The better of two runs, each in a fresh process and an empty directory."""
    command = [sys.executable, str(Path(__file__).with_name("work.py")), name, str(size)]
    with tempfile.TemporaryDirectory() as empty:
        runs = [
            json.loads(subprocess.run(command, cwd=empty, check=True, capture_output=True, text=True).stdout)
            for _ in range(2)
        ]
    return min(runs, key=lambda run: float(run["cpu_s"]))


if __name__ == "__main__":
    if SIZES.keys() != WORK.keys():
        raise SystemExit(f"sizes of {sorted(SIZES)} for work of {sorted(WORK)}")
    paste(ROOT / "README.md", "speed", [*commands(), "", *work()])
