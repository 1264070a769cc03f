"""An engine profile fitted to one's own benchmark results.

Fits what the data carry: residual costs that they say less about than their priors stay, and the file says so.

$ capplan calibrate measured.csv -o my-vllm.yaml
"""

from pathlib import Path
from typing import Annotated

import typer

from capplan.errors import UserError

from .common import Quiet, note

Measured = Annotated[list[Path], typer.Argument(metavar="MEASURED...", help="Points files or benchmark results.")]
Assume = Annotated[
    list[str] | None, typer.Option("--assume", metavar="COLUMN=VALUE", help="Fill a blank column; repeatable.")
]
ProfileOut = Annotated[Path | None, typer.Option("--out", "-o", metavar="PROFILE.yaml", help="The profile to write.")]
Engine = Annotated[
    str | None, typer.Option("--engine", metavar="NAME", help="Fit these rows to this engine's profile.")
]
Costs = Annotated[
    str | None, typer.Option("--fit", metavar="step,gemm,...", help="Exactly these residual costs, or none.")
]
Latency = Annotated[
    bool, typer.Option("--latency/--throughput", help="Fit TPOT and TTFT too, or primary values alone.")
]
Shipped = Annotated[
    bool, typer.Option("--shipped", help="Refit the catalogue's own engine profiles and bands, in place.", hidden=True)
]


def command(
    measured: Measured,
    out: ProfileOut = None,
    assume: Assume = None,
    engine: Engine = None,
    fit: Costs = None,
    latency: Latency = True,
    shipped: Shipped = False,
    quiet: Quiet = False,
) -> None:
    if shipped:
        _refit_shipped(measured, assume, quiet)
        return
    if out is None:
        raise UserError("--out PROFILE.yaml: name the profile to write")
    if out.suffix not in (".yaml", ".yml"):
        raise UserError(f"--out {out}: a profile is YAML; name a .yaml file")
    from capplan.measured.engine_fit import fit_engine, profile_text, summary_lines
    from capplan.measured.given import read_with
    from capplan.measured.points import resolve_table
    from capplan.writing import write_file

    table = read_with(measured, assume or ())
    names = [name.strip() for name in fit.split(",") if name.strip()] if fit else None
    base, fitted = fit_engine(table.rows, resolve_table(table), engine, names, latency)
    write_file(out, profile_text(base, out.stem, fitted))
    if not quiet:
        note("\n".join(summary_lines(fitted)))


def _refit_shipped(measured: list[Path], assume: list[str] | None, quiet: bool) -> None:
    from capplan.measured.given import read_with
    from capplan.measured.points import resolve_table
    from capplan.measured.shipped import refit_shipped

    table = read_with(measured, assume or ())
    refit_shipped(table.rows, resolve_table(table), (lambda line: None) if quiet else note)
