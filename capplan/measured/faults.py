"""Faults of points files, all reported at once."""

from capplan.scenario.faults import Faults


class PointFaults(Faults):
    """Those of one or more points files."""
