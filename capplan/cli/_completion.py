"""What a shell offers after TAB: names of the catalogue, scenario keys and columns of a report."""

from collections.abc import Callable, Iterator


def models(incomplete: str) -> list[str]:
    """Models of the catalogue."""
    return _names("models", incomplete)


def accelerators(incomplete: str) -> list[str]:
    """Accelerators of the catalogue."""
    return _names("accelerators", incomplete)


def engines(incomplete: str) -> list[str]:
    """Serving engines."""
    return [name for name in ("vllm", "trtllm", "sglang", "textbook") if name.startswith(incomplete)]


def settings(incomplete: str) -> list[str]:
    """`PATH=` of every key of a scenario; after the sign, names of the catalogue where the key takes one."""
    path, sign, value = incomplete.partition("=")
    if not sign:
        return [f"{key}=" for key in keys() if key.startswith(incomplete)]
    known = {"model": models, "gpu": accelerators, "serving.engine": engines}
    return [f"{path}={name}" for name in known[path](value)] if path in known else []


def each(complete: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """The same for the last of several words with commas between them."""

    def last(incomplete: str) -> list[str]:
        before, comma, word = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in complete(word)]

    return last


def entries(incomplete: str) -> list[str]:
    """Everything that the catalogue has under a name."""
    from capplan.catalog.files import KINDS

    return sorted({name for kind in KINDS for name in _names(kind, incomplete)})


def formats(incomplete: str) -> list[str]:
    """Output formats."""
    from capplan.report.formats import names

    return [name for name in names() if name.startswith(incomplete)]


def columns(incomplete: str) -> list[str]:
    """Columns of a report."""
    from capplan.report.metrics import METRICS

    return [metric.name for metric in METRICS if metric.name.startswith(incomplete)]


def keys() -> Iterator[str]:
    """Dotted keys of a scenario, sections and what is in them."""
    from capplan.scenario.part import slots
    from capplan.scenario.schema import Scenario

    for name, slot in slots(Scenario).items():
        if slot.part is None or slot.many:
            yield name
        else:
            yield from (f"{name}.{inner}" for inner in slots(slot.part))


def _names(kind: str, incomplete: str) -> list[str]:
    from capplan.catalog.files import names

    return [name for name in names(kind) if name.startswith(incomplete)]
