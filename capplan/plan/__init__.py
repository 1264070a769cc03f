"""From scenarios to plans: what serves the load, how fast, how many GPUs and what a year of it costs."""

from capplan.plan.answer import Plan
from capplan.plan.plan import plan, plans

__all__ = ["Plan", "plan", "plans"]
