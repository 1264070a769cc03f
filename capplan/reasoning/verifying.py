"""Which parameters a strategy's accuracy rests on, and how one that rests on a verifier is reported."""

from capplan.reasoning.accuracy.base import Base
from capplan.reasoning.accuracy.value import EXTRAPOLATED, Accuracy
from capplan.reasoning.normal import Array, Values
from capplan.reasoning.options import Options, Verifier
from capplan.reasoning.range import Range


def parameters(options: Options, base: Base) -> tuple[Range, Values]:
    """The difficulty's concentration and the winning share: the scenario's where it says, else the model's or ours."""
    share = base.vote_share if options.vote_share is None else options.vote_share
    if options.concentration is None:
        return base.concentration, share
    given = options.concentration
    return Range(given, given, given, "concentration as given in the scenario"), share


def verifier_range(verifier: Verifier | None, base: Base) -> Range:
    """Chance that it prefers a right answer to a wrong one: as given, else as published for its kind."""
    if verifier is not None and verifier.accuracy is not None:
        given = verifier.accuracy
        return Range(given, given, given, "verifier accuracy as given in the scenario")
    return base.process if verifier is not None and verifier.kind == "process" else base.outcome


def judged(found: tuple[Array, Array, Array], single: Accuracy, metric: str, *ranges: Range) -> Accuracy:
    """(low, value, high) as an Accuracy; laws through a verifier are always extrapolated from other models' points."""
    low, value, high = found
    basis = "; ".join([f"from {single.basis}", *(one.basis for one in ranges)])
    return Accuracy(value, low, high, EXTRAPOLATED, metric, basis)
