"""capplan: how many GPUs, how fast and what a year of reasoning costs, before you buy.

>>> import capplan
>>> chat = capplan.loads("{version: 1, model: llama-3.1-8b, workload: {qps: 20}}")
>>> chat.serving.weights
'fp8'
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capplan.plan import plan as plan
    from capplan.scenario.loader import load as load
    from capplan.scenario.loader import loads as loads
    from capplan.search.sweep import sweep as sweep

__version__ = "0.1.0"
__all__ = ["load", "loads", "plan", "sweep"]

# Imported on first use: the command line asks for the version and for help without loading any of it.
_HOMES = {"load": "scenario.loader", "loads": "scenario.loader", "plan": "plan", "sweep": "search.sweep"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'capplan' has no attribute '{name}'")
    from importlib import import_module

    found: object = getattr(import_module(f"capplan.{_HOMES[name]}"), name)
    # The module of the same name would otherwise shadow the function once it is imported.
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
