"""Every door through which a file of somebody else's comes in, in one table for the tests and for the fuzzer.

A loader goes as far as the commands that use it: what it accepts is used, since a file may be read without complaint
and break what comes after.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SEEDS = Path(__file__).parents[1] / "fuzz" / "corpus"


@dataclass(frozen=True)
class Loader:
    """read: from a path, raising UserError only. suffix: of its files. also: further files to begin with.

    command: the command line that reads such a file, FILE standing for it.
    """

    read: Callable[[Path], object]
    suffix: str
    command: str
    also: str = ""


def scenario(path: Path) -> None:
    from capplan.scenario.loader import from_dict, load

    read = load(path)
    assert from_dict(read.resolved()).resolved() == read.resolved()


def plan(path: Path) -> None:
    """As `scenario`, and planned: what the schema lets through, the engine must answer or refuse."""
    from capplan.plan import plan
    from capplan.scenario.loader import load

    assert plan(load(path)).row


def policy(path: Path) -> None:
    import datetime

    from capplan.report.diff.policy import load
    from capplan.report.diff.result import diff

    diff(_base(), _base(), ("a", "b"), load(str(path)), datetime.date(2026, 11, 21), False, None)


def report(path: Path) -> None:
    import datetime

    from capplan.report.diff.formats import render
    from capplan.report.diff.policy import Policy
    from capplan.report.diff.result import diff
    from capplan.report.diff.sides import read

    given = read(str(path))
    for found in (
        diff(_base(), given, ("a", "b"), Policy(), datetime.date(2026, 11, 21), False, None),
        diff(given, _base(), ("a", "b"), None, datetime.date(2026, 11, 21), True, None),
    ):
        for name in ("table", "json", "csv", "markdown", "junit"):
            assert render(found, name, None, False)


def trace(path: Path) -> None:
    from capplan.simulate.traces.reader import read_trace

    read_trace(path)


def lengths(path: Path) -> None:
    from capplan.simulate.traces.length_pdfs import dataset

    dataset(path)


def windows(path: Path) -> None:
    """A ServeGen trace, as its folder is read."""
    from capplan.simulate.traces.servegen import _windows

    _windows(path)


def prices(path: Path) -> None:
    import tempfile

    from capplan.catalog.imports import reading, writing
    from capplan.reading import read_text

    read = reading.read(read_text(path, 1 << 24), str(path), "2026-11-21", "nebius")
    writing.changes(read)
    with tempfile.TemporaryDirectory() as folder:
        writing.write(writing.news(read), Path(folder), "a file", "neocloud")


def curve(path: Path) -> None:
    from capplan.reasoning.accuracy.curve_file import read

    read(path)


def results(path: Path) -> None:
    """A CSV of points or the output of a benchmark tool, predicted and scored."""
    from capplan.measured.given import read_with
    from capplan.measured.outcome import estimates, predict_all, predicted_cells
    from capplan.measured.points import resolve_table
    from capplan.measured.score import accuracy

    table = read_with([path], ["gpu=H100", "model=llama-3.1-8b"])
    points = resolve_table(table)
    predictions = predict_all(points)
    for point, prediction in zip(points, predictions, strict=True):
        predicted_cells(point, prediction)
    accuracy(table.rows, points, estimates(predictions, points))


def config(path: Path) -> None:
    from capplan.catalog.huggingface import shape_from_config
    from capplan.catalog.model_file import model_yaml
    from capplan.catalog.models import model

    found = model(str(path))
    assert found.architecture.layers
    from capplan.catalog.huggingface import read_config

    assert model_yaml(found.name, shape_from_config(read_config(path)), "a config.json", "2026-11-21")


def profile(path: Path) -> None:
    """An engine profile, and a plan that rests on it."""
    from capplan.catalog import engines
    from capplan.plan import plan
    from capplan.scenario.loader import loads

    engines._profile.cache_clear()
    engines.profile(str(path))
    small = (SEEDS / "plan" / "strategies.yaml").read_text("utf-8")
    assert plan(loads(small, overrides=[f"serving.engine={path}"], path=path)).row


def catalog(path: Path) -> None:
    """An accelerator in a catalogue folder of one's own."""
    from capplan.catalog.accelerators import _from_file
    from capplan.catalog.figures import Entry
    from capplan.catalog.files import load_yaml

    list(Entry("accelerators", path, load_yaml(path)).figures())
    _from_file.cache_clear()
    assert _from_file(path, 0)


def journal(path: Path) -> None:
    """What an interrupted run left beside its output file."""
    from capplan.search.journal import _read

    _read(path)


def settings(path: Path) -> None:
    import os
    from unittest.mock import patch

    from capplan.cli import _config

    _config._read.cache_clear()
    with patch.dict(os.environ, {"CAPPLAN_CONFIG": str(path)}):
        for key in _config.KEYS:
            _config.setting(key)


LOADERS = {
    "scenario": Loader(scenario, ".yaml", "validate FILE", "scenarios/*.yaml"),
    "plan": Loader(plan, ".yaml", "tco FILE", "scenarios/*.yaml"),
    "policy": Loader(policy, ".yaml", "diff scenarios/default.yaml scenarios/default.yaml --policy FILE"),
    "report": Loader(report, ".json", "diff FILE FILE"),
    "trace-csv": Loader(trace, ".csv", "simulate --trace FILE"),
    "trace-jsonl": Loader(trace, ".jsonl", "simulate --trace FILE"),
    "lengths": Loader(lengths, ".json", ""),
    "windows": Loader(windows, ".csv", ""),
    "prices-json": Loader(prices, ".json", "catalog import FILE --on 2026-11-21"),
    "prices-csv": Loader(prices, ".csv", "catalog import FILE --on 2026-11-21 --provider nebius"),
    "curve": Loader(curve, ".csv", "tco --set quality.curve=FILE"),
    "results-csv": Loader(results, ".csv", "predict FILE"),
    "results-json": Loader(results, ".json", "accuracy FILE"),
    "config": Loader(config, ".json", "tco --set model=FILE"),
    "profile": Loader(profile, ".yaml", "tco --set serving.engine=FILE", "configs/engines/*.yaml"),
    "catalog": Loader(catalog, ".yaml", "", "configs/accelerators/h*.yaml"),
    "journal": Loader(journal, ".part", ""),
    "settings": Loader(settings, ".yaml", ""),
}


def seeds(name: str) -> Iterator[Path]:
    """The files that the fuzzer begins with, its former findings among them."""
    loader = LOADERS[name]
    yield from sorted((SEEDS / name).glob("*"))
    if loader.also:
        yield from sorted(ROOT.glob(loader.also))


@cache
def _base() -> dict:  # type: ignore[type-arg]
    from capplan.report.diff.sides import read

    return read(str(ROOT / "tests" / "fuzz" / "corpus" / "report" / "plan.json"))
