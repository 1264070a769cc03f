"""Every option of every command under values that nobody means: an answer or a sentence, soon and in little memory."""

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capplan.cli.main import built, code_of, command_names
from tests.hostile.loaders import ROOT
from tests.hostile.test_files import MOST_MEMORY_KIB, soon

VALUES = (
    "nan", "inf", "-1", "0", "1e308", "9" * 400, "1000000000", "1e3kkkm**999999", "x" * 100_000, "", "a=1e308",
    "/dev/zero", "\x1b[31m", "\udcff",
)  # fmt: skip
# What each command needs beside the option that is tried; the shortest question that it answers.
NEEDED = {
    "init": "--print",
    "validate": "scenarios/default.yaml",
    "sweep": "--k 1",
    "route": "scenarios/routing-70-30.yaml",
    "crossover": "--model llama-3.1-8b --versus llama-3.3-70b",
    "optimize": "--gpus h100-sxm --weights fp8 --kv-cache fp8 --fast",
    "simulate": "--requests 50 --set workload.qps=2 --set reasoning.strategy=direct",
    "accuracy": "tests/fuzz/corpus/results-csv/points.csv",
    "calibrate": "tests/fuzz/corpus/results-csv/points.csv -o {folder}/profile.yaml",
    "catalog show": "h100-sxm",
    "catalog check": "sites",
    "catalog import": "tests/fuzz/corpus/prices-csv/rents.csv --on 2026-11-21",
    "diff": "tests/fuzz/corpus/report/plan.json tests/fuzz/corpus/report/plan.json",
    "explain": "scenarios/default.yaml gpus --depth 1",
    "predict": "tests/fuzz/corpus/results-csv/points.csv",
    "report": "-o {folder}/report.html",
    "risk": "--worlds 100",
}
# Files that are written are tried in test_streams; an address is asked over a network.
LEFT_OUT = {"--out", "--chart", "--series", "--readme", "--to", "--cluster"}


def commands() -> dict[str, Any]:
    """Every command by the words that call it."""
    made = {name: built(name) for name in command_names()}
    within = {
        f"{name} {sub}": one for name, group in made.items() for sub, one in getattr(group, "commands", {}).items()
    }
    return {name: one for name, one in made.items() if not hasattr(one, "commands")} | within


def options(command: Any) -> Iterator[str]:
    """Its options that take a value."""
    for one in command.params:
        if one.opts[0].startswith("--") and not one.is_flag and one.opts[0] not in LEFT_OUT:
            yield one.opts[0]


@pytest.mark.parametrize("name", commands())
def test_an_option_gone_mad_is_answered_or_refused(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    needed = [word.format(folder=tmp_path) for word in NEEDED.get(name, "").split()]
    for option in options(commands()[name]):
        for value in VALUES:
            with soon():
                code = code_of([*name.split(), *needed, option, value])
            said = capfd.readouterr().err
            asked = f"{name} {option} {value[:40]!r}: {code} {said[:500]}"
            assert code in range(5), asked
            assert len(said) < 3000 and "Traceback" not in said, asked
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < MOST_MEMORY_KIB, asked


def test_more_workers_than_cores_are_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """All start at once: a slip of the finger would take the machine down."""
    from capplan.search import workers

    started: list[int] = []
    monkeypatch.setattr(workers, "ProcessPoolExecutor", lambda most, initializer: started.append(most))
    monkeypatch.setattr(workers.os, "cpu_count", lambda: 2)
    with workers.crew(10**9) as made:
        made._open()
        made._executor = None
    assert started == [2]
