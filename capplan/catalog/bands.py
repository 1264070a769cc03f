"""How far predictions of each kind were off the measurements they were fitted to: `configs/benchmarks/bands.yaml`."""

from functools import cache
from typing import Any

from capplan.catalog.files import load_yaml, root
from capplan.records import dataclass
from capplan.units import parse

PATH = "benchmarks/bands.yaml"


@dataclass(frozen=True)
class Kind:
    """What a band depends on.

    experts: mixture of experts or dense. kernels: chip with measured kernels or by datasheet. steady: a load that
    lasts (clients, static batches), or a run that starts full and ends empty, or a rate.
    """

    experts: bool
    kernels: bool
    steady: bool


@dataclass(frozen=True)
class Bands:
    """spread: the factor around a prediction that holds 80 % of measurements of a kind, from rows of left-out models.

    first_token: the same for TTFT. unfitted, beyond: how much an engine that was not fitted on the vendor's chips, and
    a load outside the measured range, widen it (estimates). The range: largest prompt, answer and batch of a replica.
    """

    spread: dict[Kind, float]
    first_token: float
    unfitted: float
    beyond: float
    prompt_tokens: float
    output_tokens: float
    sequences: float


@cache
def bands() -> Bands:
    """The shipped bands."""
    tree: Any = load_yaml(root() / PATH)
    kinds = {
        Kind(row["model"] == "experts", row["chip"] == "kernels", row["load"] == "steady"): float(row["spread"])
        for row in tree["kinds"]
    }
    reach = tree["measured"]
    return Bands(
        spread=kinds,
        first_token=float(tree["first_token"]["is"]),
        unfitted=float(tree["unfitted_engine"]["is"]),
        beyond=float(tree["beyond_measured"]["is"]),
        prompt_tokens=parse(reach["prompt_tokens"], "tokens"),
        output_tokens=parse(reach["output_tokens"], "tokens"),
        sequences=parse(reach["sequences"], "count"),
    )
