"""The launch command or the Kubernetes manifest of a plan.

$ capplan deploy scenarios/optimize-chat.yaml --target vllm
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from capplan.errors import InfeasibleError

from ._many import write_text
from .common import AllowInfeasible, Quiet, ScenarioFile, Settings, load, note


class Target(StrEnum):
    """What is written."""

    vllm = "vllm"
    sglang = "sglang"
    trtllm = "trtllm"
    kubernetes = "kubernetes"


def command(
    scenario: ScenarioFile = None,
    target: Annotated[
        Target | None, typer.Option("--target", help="Engine's command line, or manifests; without, the plan's engine.")
    ] = None,
    settings: Settings = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write to a file.")] = None,
    allow_infeasible: AllowInfeasible = False,
    quiet: Quiet = False,
) -> None:
    from capplan.plan import plan
    from capplan.report.deploy.command import commands
    from capplan.report.deploy.manifest import manifests
    from capplan.report.deploy.script import script
    from capplan.scenario.written import dumped

    engine = target.value if target is not None and target is not Target.kubernetes else None
    planned = plan(load(scenario, settings, {"serving.engine": engine}))
    if planned.excuses and not allow_infeasible:
        first = planned.excuses[0]
        raise InfeasibleError(f"no feasible plan: {first.message}\n{first.cure}")
    if target is Target.kubernetes:
        objects, notes = manifests(planned)
        write_text("---\n".join(dumped(one) for one in objects), out)
        for sentence in notes if not quiet else ():
            note(sentence)
    else:
        write_text(script(commands(planned)), out)
    if not quiet:
        note(f"{planned.row['replicas']} replicas on {planned.row['gpus']} GPUs at peak")
