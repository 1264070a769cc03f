"""The built wheel works from anywhere: catalogues and scenarios ship inside it.

`make wheel` installs it into a fresh environment (CAPPLAN_WHEEL_VENV); the plain suite only unpacks it, which costs
less and shows as well what it holds.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = sorted((ROOT / "dist").glob("*.whl")) if os.environ.get("CAPPLAN_WHEEL_VENV") else []
    if given:
        return given[-1]
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, str]]:
    """How to run the wheel's own `capplan`, and under which environment."""
    fresh = os.environ.get("CAPPLAN_WHEEL_VENV")
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "CAPPLAN_CATALOG")}
    if fresh:
        return [str((ROOT / fresh / "bin" / "capplan").absolute())], clean
    unpacked = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    program = [sys.executable, "-c", "from capplan.cli import run; run()"]
    return program, {**clean, "PYTHONPATH": str(unpacked)}


def in_empty_directory(
    installed: tuple[list[str], dict[str, str]], tmp_path: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    program, environment = installed
    return subprocess.run([*program, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True)


def test_every_catalogue_file_and_scenario_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    for folder in ("configs", "scenarios"):
        shipped = {f"capplan/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / folder).rglob("*.yaml")}
        assert shipped, f"{folder}/ is empty"
        assert shipped <= held


def test_the_wheel_plans_from_an_empty_directory(installed: tuple[list[str], dict[str, str]], tmp_path: Path) -> None:
    done = in_empty_directory(installed, tmp_path, "tco", "--qps", "100", "--k", "8")
    assert done.returncode == 0, done.stderr
    assert "a year on" in done.stdout
    assert not list(tmp_path.iterdir()), "it left something behind"


def test_the_wheel_reads_its_own_catalogue_and_not_the_checkout(
    installed: tuple[list[str], dict[str, str]], tmp_path: Path
) -> None:
    program, environment = installed
    python = [str(Path(program[0]).with_name("python"))] if len(program) == 1 else [sys.executable]
    code = "from capplan.catalog.files import root; print(root())"
    found = subprocess.run([*python, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert Path(found.stdout.strip()).parts[-2:] == ("capplan", "configs")
    assert ROOT not in Path(found.stdout.strip()).parents or ".wheel-venv" in found.stdout
