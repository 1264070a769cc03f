"""Everyday manners: what a shell completes, and which settings hold where none are named."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
SCENARIO = "version: 1\nname: ours\nmodel: llama-3.1-8b\nworkload:\n  qps: 20\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("capplan tco --model llama-3.3", "llama-3.3-70b"),
        ("capplan tco --gpu h20", "h200-sxm"),
        ("capplan tco --engine vl", "vllm"),
        ("capplan sweep --set serving.kv", "serving.kv_cache="),
        ("capplan sweep --set gpu=b20", "gpu=b200-sxm"),
        ("capplan explain default annual_t", "annual_tco_usd"),
        ("capplan expl", "explain"),
        ("capplan sweep --over workload.qp", "workload.qps="),
        ("capplan crossover --model llama-3.3", "llama-3.3-70b"),
        ("capplan optimize --gpus h100-sxm,h20", "h100-sxm,h200-sxm"),
        ("capplan strategies --models qwen2.5-7b,llama-3.3", "qwen2.5-7b,llama-3.3-70b"),
        ("capplan catalog show h200", "h200-sxm"),
        ("capplan tco --format mark", "markdown"),
    ],
)
def test_a_shell_completes_models_gpus_keys_and_columns(typed: str, offered: str, capplan: Run) -> None:
    asked = {"_CAPPLAN_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": typed}
    assert offered in capplan(env=asked).stdout
    words = {"_CAPPLAN_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    assert offered in capplan(env=words).stdout.split()


@pytest.mark.parametrize("asked", [["tco"], ["diff", "scenarios/default.yaml", "scenarios/default.yaml"],
                                   ["explain", "default", "ttft_s"]])  # fmt: skip
def test_colours_are_for_terminals_that_were_not_told_otherwise(asked: list[str], terminal: Any) -> None:
    assert "\x1b[" in terminal(*asked).text
    assert "\x1b[" not in terminal(*asked, env={"NO_COLOR": "1"}).text
    assert "\x1b[" not in terminal(*asked, "--no-color").text


def test_a_report_is_never_written_over_a_scenario_whatever_its_suffix(capplan: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    mine.write_text('{"version": 1, "workload": {"qps": 5}}')
    done = capplan("tco", "-o", mine)
    assert done.returncode == 2 and "would overwrite a scenario" in done.stderr and "qps" in mine.read_text()
    report = tmp_path / "report.json"
    for _ in range(2):
        assert capplan("tco", "-o", report).returncode == 0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with settings at its root, and a folder inside it."""
    (tmp_path / "ours" / ".git").mkdir(parents=True)
    (tmp_path / "ours" / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "ours" / "chat.yaml").write_text(SCENARIO)
    (tmp_path / "ours" / "capplan.yaml").write_text("scenario: chat.yaml\n")
    return tmp_path / "ours"


def test_settings_are_found_from_the_working_directory_up_to_the_repositorys_root(capplan: Run, project: Path) -> None:
    assert "ours: llama-3.1-8b" in capplan("tco", cwd=project / "deep" / "deeper").stdout
    # Above the root they are somebody else's.
    (project / "capplan.yaml").rename(project.parent / "capplan.yaml")
    assert "default: llama-3.3-70b" in capplan("tco", cwd=project / "deep").stdout


def test_the_environment_wins_over_the_project_and_the_project_over_the_user(capplan: Run, project: Path) -> None:
    home = project.parent / "home" / "capplan"
    home.mkdir(parents=True)
    (home / "capplan.yaml").write_text("scenario: mine.yaml\n")
    (home / "mine.yaml").write_text(SCENARIO.replace("ours", "mine"))
    env = {"XDG_CONFIG_HOME": str(home.parent)}
    assert "mine: " in capplan("tco", cwd=project.parent, env=env).stdout
    assert "ours: " in capplan("tco", cwd=project, env=env).stdout
    assert "mine: " in capplan("tco", cwd=project, env=env | {"CAPPLAN_SCENARIO": str(home / "mine.yaml")}).stdout
    assert "mine: " in capplan("tco", cwd=project, env={"CAPPLAN_CONFIG": str(home / "capplan.yaml")}).stdout


def test_the_projects_own_file_wins_over_its_pyproject_and_the_nearest_folder_over_both(
    capplan: Run, project: Path
) -> None:
    (project / "mine.yaml").write_text(SCENARIO.replace("ours", "mine"))
    (project / "pyproject.toml").write_text('[tool.capplan]\nscenario = "mine.yaml"\n')
    assert "ours: " in capplan("tco", cwd=project).stdout
    (project / "capplan.yaml").unlink()
    assert "mine: " in capplan("tco", cwd=project / "deep").stdout
    (project / "deep" / "pyproject.toml").write_text('[tool.capplan]\nscenario = "../chat.yaml"\n')
    assert "ours: " in capplan("tco", cwd=project / "deep" / "deeper").stdout
    # One of another program, or one that is damaged, holds nothing for us.
    for text in ('[tool.other]\nabout = "not capplan"\n', "[tool.capplan\n", "tool = 1 # capplan\n"):
        (project / "deep" / "pyproject.toml").write_text(text)
        assert "mine: " in capplan("tco", cwd=project / "deep").stdout


def test_a_fault_of_the_table_is_told(capplan: Run, project: Path) -> None:
    (project / "capplan.yaml").unlink()
    (project / "pyproject.toml").write_text("[tool.capplan]\nscenaro = 'a.yaml'\npolicy = 3\n")
    done = capplan("tco", cwd=project)
    assert done.returncode == 2 and "did you mean 'scenario'?" in done.stderr and "tool.capplan.policy" in done.stderr


def test_a_projects_policy_judges_every_diff(capplan: Run, project: Path) -> None:
    for name, price in (("a", 20000), ("b", 30000)):
        capplan("tco", "--set", f"cost.purchase_price={price} USD", "-o", f"{name}.json", cwd=project)
    assert capplan("diff", "a.json", "b.json", cwd=project).returncode == 0
    (project / "capplan.yaml").write_text("policy:\n  fail: {annual_tco_usd: {increase: 5 %}}\n")
    done = capplan("diff", "a.json", "b.json", cwd=project)
    assert done.returncode == 1 and done.stderr.endswith("FAIL\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scenaro: a.yaml\n", "did you mean 'scenario'?"),
        ("scenario: [a]\n", "a path is needed"),
        ("scenario: none.yaml\n", "none.yaml"),
        ("catalog: nowhere\n", "no such folder"),
    ],
)
def test_a_fault_of_the_settings_is_told(text: str, said: str, capplan: Run, project: Path) -> None:
    (project / "capplan.yaml").write_text(text)
    done = capplan("tco", cwd=project)
    assert done.returncode == 2 and said in done.stderr


@pytest.mark.parametrize("command", ["breakeven", "report"])
def test_a_plan_that_cannot_be_is_told_with_what_still_holds(command: str, capplan: Run) -> None:
    wrong = ("--set", "serving.tensor_parallel=1", "--set", "serving.weights=bf16")
    done = capplan(command, "scenarios/breakeven-reasoning.yaml", *wrong)
    assert done.returncode == 3 and "Cannot be" in done.stdout
    # The API's bill does not depend on the fleet.
    assert "118,062" in done.stdout or command == "report"
