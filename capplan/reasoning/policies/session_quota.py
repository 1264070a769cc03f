"""A quota of thinking tokens per session: as that of a user and day, over the queries of one session."""

from capplan.reasoning.effects import Effect
from capplan.reasoning.lengths import LengthLaw
from capplan.reasoning.normal import Values
from capplan.reasoning.policies import user_quota
from capplan.scenario.policies import Quota

ON_THINKING = True


def effect(section: Quota, thinking: LengthLaw, samples: Values) -> Effect:
    """See `user_quota.effect`."""
    return user_quota.effect(section, thinking, samples, "session_quota")
