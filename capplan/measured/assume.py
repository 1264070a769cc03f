"""Assumptions made while a point is read; equal ones are one object, for a file holds the same thousands of times."""

from functools import lru_cache

from capplan.engine.excuse import Assumption


@lru_cache(maxsize=4096)
def assume(key: str, value: object, source: str, kind: str = "estimate") -> Assumption:
    """A filled blank: the column, what it was filled with, and who says so."""
    return Assumption(key, value, source, kind)
