"""Laws are checked whatever else the machine does meanwhile: no deadline on one example."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
