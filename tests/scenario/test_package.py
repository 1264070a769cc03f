"""What `import capplan` offers to programs."""

import subprocess
import sys


def output(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_plan_is_a_function_before_and_after_its_module_is_imported() -> None:
    code = "import capplan; print(callable(capplan.plan)); from capplan.plan import plan, plans; "
    assert output(code + "print(capplan.plan is plan, callable(capplan.sweep))").split() == ["True", "True", "True"]


def test_a_file_is_planned_in_two_calls() -> None:
    code = (
        "import capplan; from capplan.scenario.loader import default_path; "
        "print(capplan.plan(capplan.load(default_path())).feasible)"
    )
    assert output(code).strip() == "True"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert output("import capplan; print(hasattr(capplan, 'plann'), 'sweep' in dir(capplan))").split() == [
        "False",
        "True",
    ]
