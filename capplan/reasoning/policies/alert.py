"""When a request's thinking is called out: at a multiple of the p95 of its class."""

import numpy as np

from capplan.reasoning.effects import Effect
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.normal import Values
from capplan.scenario.policies import Alert

ON_THINKING = True


def effect(section: Alert, thinking: LengthLaw, samples: Values) -> Effect:
    """No effect on the plan; says where the threshold lies under the policies before it, and how often it is passed.

    A class whose law is lognormal with CV 1.5 alerts at twice its p95 on about 1 request in 90, a heavier tail on more.
    """
    threshold, share = alert(thinking, section.over_p95)
    often = f"{share:.2%} of the requests" if share else "no request"
    return Effect("alert", f"at {threshold:,.0f} thinking tokens, {section.over_p95:g} times the p95: {often}")


def alert(thinking: LengthLaw, over_p95: float = 2.0) -> tuple[float, float]:
    """(threshold in tokens, share of requests above it)."""
    threshold = over_p95 * float(np.mean(thinking.quantile_tokens(0.95)))
    return threshold, float(np.mean(thinking.share_above(threshold)))
