"""How far a plan's figures are likely off, from measurements of its own kind."""

from typing import Any

from capplan.engine.band import Band, band
from capplan.plan.deployment import Deployment
from capplan.plan.load import Load


def likely(served: Deployment, load: Load, sequences: Any) -> Band:
    """The bands of a group's plans. sequences: at once on one replica, shape (scenarios,)."""
    asked = load.requests
    return band(
        served.model.architecture,
        served.accelerator,
        served.engine,
        asked.prompt_tokens,
        asked.output_tokens,
        sequences,
    )


def columns(likely: Band) -> dict[str, Any]:
    """Factors of the 80 % interval on throughput and times, and what lies beyond the measured range, None inside it."""
    beyond = ["; ".join(words) or None for words in likely.extrapolates_each()]
    return {"band_low": 1.0 / likely.spread, "band_high": likely.spread, "extrapolates": beyond}
