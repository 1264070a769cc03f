"""capplan: how many GPUs, how fast and what a year of reasoning costs, before you buy.

>>> import capplan
>>> chat = capplan.loads("{version: 1, model: llama-3.1-8b, workload: {qps: 20}}")
>>> chat.serving.weights
'fp8'
"""

import sys
from importlib import import_module
from types import ModuleType

from capplan.version import __version__ as __version__

TYPE_CHECKING = False  # as type checkers take it; `typing` would be loaded before an interrupt can end quietly
if TYPE_CHECKING:
    from capplan.plan import plan as plan  # type: ignore[no-redef]  # the function stands before the module
    from capplan.scenario.loader import load as load
    from capplan.scenario.loader import loads as loads
    from capplan.search.sweep import sweep as sweep

__all__ = ["load", "loads", "plan", "sweep"]

# Imported on first use: the command line asks for the version and for help without loading any of it.
_HOMES = {"load": "scenario.loader", "loads": "scenario.loader", "plan": "plan", "sweep": "search.sweep"}


def _found(name: str) -> object:
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


class _Package(ModuleType):
    """The package, in which `plan` stays the function though a module of that name is imported."""

    @property
    def plan(self) -> object:
        return _found("plan")

    @plan.setter
    def plan(self, module: object) -> None:
        """What the import of `capplan.plan` sets; the module stays reachable by `from capplan.plan import ...`."""

    def __getattr__(self, name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'capplan' has no attribute '{name}'")
        return _found(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
