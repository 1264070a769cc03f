"""The README's guide to adding a GPU, a model, a strategy and an output format is followed to the letter, in a copy."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(?:yaml|python)\n(# (\S+)\n.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {path: text for text, path in BLOCK.findall((ROOT / "README.md").read_text("utf-8"))}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`capplan` of a copy of the project to which the files of the guide, and no others, were added."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("capplan", "configs", "scenarios"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in FILES.items():
        assert not (folder / path).exists()
        (folder / path).write_text(text, "utf-8")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("CAPPLAN")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-c", "from capplan.cli import run; run()"]
        env = clean | {"PYTHONPATH": str(folder)}
        return subprocess.run([*program, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=120)

    return run


def test_the_guide_adds_one_file_for_each() -> None:
    assert sorted(str(Path(path).parent) for path in FILES) == [
        "capplan/reasoning/strategies", "capplan/report/formats", "configs/accelerators", "configs/models",
    ]  # fmt: skip


def test_the_catalogue_is_sound_with_what_was_added(copy: Run) -> None:
    done = copy("catalog", "check")
    assert done.returncode == 0, done.stderr


def test_a_plan_uses_all_four(copy: Run) -> None:
    asked = ["--gpu", "acme-x1", "--model", "acme-7b", "--set", "reasoning.strategy=think_twice"]
    asked += ["--set", "cost.purchase_price=30000 USD", "--format", "tsv"]
    done = copy("tco", *asked)
    assert done.returncode == 0, done.stderr
    columns, row = (line.split("\t") for line in done.stdout.splitlines())
    plan = dict(zip(columns, row, strict=True))
    assert (plan["gpu"], plan["model"], plan["strategy"]) == ("acme-x1", "acme-7b", "think_twice")
    once = copy("tco", *asked, "--set", "reasoning.strategy=chain_of_thought").stdout.splitlines()
    single = dict(zip(columns, once[1].split("\t"), strict=True))
    assert float(plan["thinking_tokens"]) == 2 * float(single["thinking_tokens"])
    assert float(plan["annual_tco_usd"]) > float(single["annual_tco_usd"])


def test_what_was_added_is_listed_compared_and_simulated(copy: Run, tmp_path: Path) -> None:
    assert "acme-x1" in copy("catalog", "list", "accelerators").stdout
    assert "think_twice" in copy("schema", "scenario").stdout
    out = tmp_path / "sweep.tsv"
    asked = ["--gpu", "acme-x1", "--set", "reasoning.strategy=think_twice", "--set", "cost.purchase_price=30000 USD"]
    assert copy("tco", *asked[2:], "--out", str(out)).returncode == 0 and out.read_text("utf-8").startswith("k\t")
    served = copy("simulate", *asked[2:], "--requests", "200", "--quiet", "--allow-infeasible")
    assert served.returncode == 0, served.stderr
