"""`capplan diff` as people and CI jobs run it: exit codes, git revisions, the hook and the action."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]
SCENARIO = "version: 1\nname: chat\nmodel: llama-3.1-8b\nworkload:\n  qps: 200\nreasoning:\n  k: {k}\n"


@pytest.fixture
def reports(capplan: Run, tmp_path: Path) -> tuple[str, str]:
    """Reports at K = 4 and K = 8."""
    names = [str(tmp_path / f"{k}.json") for k in (4, 8)]
    for k, name in zip((4, 8), names, strict=True):
        assert capplan("tco", "--qps", "100", "--k", str(k), "-o", name).returncode == 0
    return names[0], names[1]


def test_the_verdict_is_the_exit_code_and_comes_after_the_table(capplan: Run, reports: tuple[str, str]) -> None:
    base, head = reports
    same = capplan("diff", base, base, "--max-increase", "5%")
    assert (same.returncode, same.stderr) == (0, "PASS\n") and "No plan changed" in same.stdout
    over = capplan("diff", base, head, "--max-increase", "5%")
    assert over.returncode == 1 and over.stderr.endswith("FAIL\n") and "USD/year" in over.stdout
    assert capplan("diff", base, head, "--max-increase", "400%").returncode == 0
    assert capplan("diff", base, head, "--max-increase", "5%", "--exit-zero").returncode == 0
    assert capplan("diff", base, head).stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--max-increase", "lots"],
        ["--as-of", "soon"],
        ["--policy", "no-such-file.yaml"],
        ["--format", "pdf"],
        ["-o", "a.pdf"],
    ],
)
def test_wrong_usage_is_told_before_anything_else(arguments: list[str], capplan: Run, reports: tuple[str, str]) -> None:
    done = capplan("diff", *reports, *arguments)
    assert done.returncode == 2 and done.stdout == "" and arguments[0].lstrip("-") in done.stderr + "o policy"


def test_a_truncated_report_is_named(capplan: Run, reports: tuple[str, str], tmp_path: Path) -> None:
    cut = tmp_path / "cut.json"
    cut.write_text(Path(reports[0]).read_text()[:200])
    done = capplan("diff", reports[0], str(cut))
    assert done.returncode == 2 and str(cut) in done.stderr and "truncated" in done.stderr


def test_head_is_needed_without_git(capplan: Run, reports: tuple[str, str]) -> None:
    done = capplan("diff", reports[0])
    assert done.returncode == 2 and "--git" in done.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose last commit has K = 4 and whose working tree K = 8."""
    place = tmp_path / "repository"
    (place / "scenarios").mkdir(parents=True)
    scenario = place / "scenarios" / "chat.yaml"
    scenario.write_text(SCENARIO.format(k=4))
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "-C", str(place), *who, *arguments], check=True, capture_output=True)
    scenario.write_text(SCENARIO.format(k=8))
    return place


def test_a_scenario_is_compared_with_itself_at_a_revision(capplan: Run, repository: Path) -> None:
    for path in ("scenarios/chat.yaml", "scenarios"):
        done = capplan("diff", path, "--git", "HEAD", "-f", "json", cwd=repository)
        made = json.loads(done.stdout)
        assert [row["status"] for row in made["rows"]] == ["changed"]
        assert set(made["rows"][0]["causes_usd_per_year"]) == {"K"}
    wrong = capplan("diff", "scenarios/chat.yaml", "--git", "no-such-revision", cwd=repository)
    assert wrong.returncode == 2 and "no-such-revision" in wrong.stderr
    assert capplan("diff", "scenarios/chat.yaml", "--git=--output=x", cwd=repository).returncode == 2


def test_reports_alone_are_annotated_at_the_line_of_the_scenario_that_they_state(
    capplan: Run, repository: Path
) -> None:
    for k in (4, 8):
        (repository / "scenarios" / "chat.yaml").write_text(SCENARIO.format(k=k))
        assert capplan("tco", "scenarios/chat.yaml", "-o", f"{k}.json", cwd=repository).returncode == 0
    asked = ("diff", "4.json", "8.json", "--max-increase", "1 %", "-f", "github")
    assert "::error file=scenarios/chat.yaml,line=7," in capplan(*asked, cwd=repository).stdout
    # Elsewhere there is no such file, and nothing to point at.
    (repository / "scenarios" / "chat.yaml").unlink()
    assert "::error title=" in capplan(*asked, cwd=repository).stdout


def test_the_hooks_name_commands_that_there_are(capplan: Run, repository: Path) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == ["capplan-validate", "capplan-diff"]
    for hook in hooks:
        assert re.search(hook["files"], "scenarios/chat.yaml")
        done = capplan(*hook["entry"].split()[1:], "scenarios/chat.yaml", cwd=repository)
        assert done.returncode == 0, done.stderr


GITHUB = {"token": "t", "repository": "own/er", "event.pull_request.number": "7"}
# GitHub's program, as far as the action uses it: lists the ids of comments that begin with the tag, and keeps calls.
GH = """#!/bin/sh
echo "$@" >> "$RUNNER_TEMP/calls"
case "$*" in *--jq*) cat "$RUNNER_TEMP/known" 2>/dev/null;; esac
exit 0
"""


def steps(inputs: dict[str, str], repository: Path, tmp_path: Path) -> tuple[int, dict[str, str], str]:
    """Runs the action's steps as GitHub would: (exit code, outputs, what was logged)."""
    action = yaml.safe_load((ROOT / ".github/actions/capplan-diff/action.yml").read_text())
    given = {name: spec.get("default", "") for name, spec in action["inputs"].items()} | inputs
    folder = tmp_path / "runner"
    folder.mkdir(exist_ok=True)
    program = folder / "capplan"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from capplan.cli import run; run()" "$@"\n')
    program.chmod(0o755)
    github = folder / "gh"
    github.write_text(GH)
    github.chmod(0o755)
    files = {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    environment = os.environ | files | {"RUNNER_TEMP": str(folder), "PATH": f"{folder}:{os.environ['PATH']}"}
    outputs: dict[str, str] = {}
    log = ""
    for step in action["runs"]["steps"]:
        if "if" in step and given["comment"] != "true":
            continue
        env = {name: _filled(text, given, outputs) for name, text in step.get("env", {}).items()}
        script = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(script, cwd=repository, env=environment | env, capture_output=True, text=True)
        log += done.stdout + done.stderr
        if Path(files["GITHUB_OUTPUT"]).exists():
            outputs |= dict(line.split("=", 1) for line in Path(files["GITHUB_OUTPUT"]).read_text().splitlines())
        if done.returncode:
            return done.returncode, outputs, log
    return 0, outputs, log


def _filled(text: str, inputs: dict[str, str], outputs: dict[str, str]) -> str:
    """The text with the expressions of GitHub that the action uses replaced."""
    text = re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], text)
    text = re.sub(r"\$\{\{ github\.([\w.]+) \}\}", lambda found: GITHUB.get(found[1], ""), text)
    return re.sub(r"\$\{\{ steps\.compare\.outputs\.(\w+) \}\}", lambda found: outputs.get(found[1], ""), text)


@pytest.mark.parametrize(("limit", "code", "verdict"), [("5 %", 1, "FAIL"), ("400 %", 0, "PASS"), ("", 0, "")])
def test_the_actions_steps_tell_comment_and_judge(
    limit: str, code: int, verdict: str, repository: Path, tmp_path: Path
) -> None:
    given = {"scenario": "scenarios/chat.yaml", "base": "HEAD", "max-increase": limit, "install": ""}
    found, outputs, log = steps(given, repository, tmp_path)
    assert (found, outputs["verdict"]) == (code, verdict), log
    assert float(outputs["change"]) > 0 and json.loads(Path(outputs["report"]).read_text())["schema"]
    assert (tmp_path / "runner" / "GITHUB_STEP_SUMMARY").read_text().startswith("<!-- capplan-diff")
    # An annotation names the line of K in the scenario.
    assert ("file=scenarios/chat.yaml,line=7" in log) == (verdict == "FAIL")


@pytest.mark.parametrize("known", [False, True])
def test_the_actions_comment_is_posted_once_and_then_kept_up_to_date(
    known: bool, repository: Path, tmp_path: Path
) -> None:
    runner = tmp_path / "runner"
    runner.mkdir()
    if known:
        (runner / "known").write_text("4711\n")
    given = {"scenario": "scenarios/chat.yaml", "base": "HEAD", "install": "", "comment": "true"}
    code, _, log = steps(given, repository, tmp_path)
    listed, sent = (runner / "calls").read_text().splitlines()
    assert code == 0, log
    assert "repos/own/er/issues/7/comments" in listed and "<!-- capplan-diff " in listed
    asked = "PATCH repos/own/er/issues/comments/4711" if known else "POST repos/own/er/issues/7/comments"
    assert asked in sent and f"body=@{runner / 'capplan-diff' / 'comment.md'}" in sent


def test_the_example_workflow_gives_inputs_that_the_action_takes() -> None:
    folder = ROOT / ".github/actions/capplan-diff"
    action: dict[str, Any] = yaml.safe_load((folder / "action.yml").read_text())
    example: dict[str, Any] = yaml.safe_load((folder / "example-workflow.yml").read_text())
    used = next(s for s in example["jobs"]["diff"]["steps"] if s["uses"].endswith("capplan-diff"))
    assert set(used["with"]) <= set(action["inputs"])
