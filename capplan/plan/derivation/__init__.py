"""How a figure of a plan came about: the computation itself, watched while it ran, as a tree of formulas.

Nothing in the engine knows that it is watched, so a plan that nobody asks about pays nothing for it. `record` keeps
what every function of the planner was given, computed and returned; `Derivation` walks that from a figure back to the
scenario and the catalogue. Formulas are the source lines that made the values, never a second version of them, and a
formula that does not give its value again is not shown.

`record` what was called and with what, `source` which text stands behind a call, `formula` text as formulas, `place`
elements of arrays, `site` an expression in its scope, `origin` where a value came from, `leaves` who says it, `tree`.
"""

from capplan.plan.derivation.record import Call, record
from capplan.plan.derivation.tree import Derivation, Step

__all__ = ["Call", "Derivation", "Step", "record"]
