"""How far a plan's figures are likely off, from measurements of its own kind."""

from typing import Any

from capplan.engine.band import band
from capplan.plan.deployment import Deployment


def columns(served: Deployment, prompt_tokens: float, output_tokens: float, sequences: float) -> dict[str, Any]:
    """Factors of the 80 % interval on throughput and times, and what lies beyond the measured range, None inside it.

    output_tokens, sequences: of one engine request, and at once on one replica.
    """
    likely = band(served.model.architecture, served.accelerator, served.engine, prompt_tokens, output_tokens, sequences)
    spread = float(likely.spread)
    return {
        "band_low": 1.0 / spread,
        "band_high": spread,
        "extrapolates": "; ".join(likely.extrapolates) or None,
    }
