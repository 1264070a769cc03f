"""The lengths of the workloads that ship with the catalogue."""

from collections.abc import Mapping
from typing import Any

from capplan.catalog import files
from capplan.catalog.figures import entry
from capplan.scenario.kinds import ValueFault, nearest
from capplan.scenario.length import Length
from capplan.scenario.quantity import Quantity

# Which of a workload's groups of figures tell a length; what is only known as output is all answer to a plain model.
_GROUPS = {"prompt": ("prompt_tokens",), "thinking": ("thinking_tokens",), "answer": ("answer_tokens", "output_tokens")}
_TOKENS = Quantity("tokens", above=0)
_RATIO = Quantity("ratio", least=0)


def workload_length(name: str, part: str) -> Length:
    """The prompt, thinking or answer length of a shipped workload: its measured quantiles, else mean and variation.

    TABLE/ROW names a row of a table that somebody printed: `query-types/competition`, `nominal-reasoning/qwq-32b`; its
    ends are taken as p10 and p90. Raises ValueFault for an unknown workload, or one that does not tell this length.
    """
    if "/" in name:
        return _printed(name, part)
    try:
        figures = entry("workloads", name).plain
    except files.UnknownName as unknown:
        near = " or ".join(f"'{one}'" for one in unknown.suggestions)
        hint = f"did you mean {near}?" if near else "write a number, {lognormal: ...}, {quantiles: ...} or a workload"
        raise ValueFault(f"no '{name}' in the catalogue's workloads", hint) from None
    group = next((g for key in _GROUPS[part] if isinstance(g := figures.get(key), Mapping)), None)
    if group is None:
        known = [other for other, keys in _GROUPS.items() if any(key in figures for key in keys)]
        has = f"it has {' and '.join(known)} lengths" if known else "it has no lengths for all requests"
        raise ValueFault(f"the workload '{name}' has no {part} length", has)
    return _length(group, name)


def workload_day(name: str) -> tuple[float, ...]:
    """The rates of the hours of a shipped workload over their mean; raises ValueFault where they are not known."""
    known = [one for one in files.names("workloads") if _hours(one)]
    if not files.exists("workloads", name):
        raise ValueFault(
            f"no '{name}' in the catalogue's workloads", f"those whose hours are known: {', '.join(known)}"
        )
    if not (hours := _hours(name)):
        raise ValueFault(f"the hours of the workload '{name}' are not known", f"they are of {', '.join(known)}")
    return hours


def _hours(name: str) -> tuple[float, ...]:
    arrivals = entry("workloads", name).plain.get("arrivals")
    hours = arrivals.get("diurnal", ()) if isinstance(arrivals, Mapping) else ()
    return tuple(_RATIO.read(rate) for rate in hours)


def _length(group: Mapping[str, Any], name: str) -> Length:
    quantiles = group.get("quantiles")
    if isinstance(quantiles, Mapping) and len(quantiles) > 1:
        whole = {"mean": group.get("mean"), "max": group.get("max")}
        read = {key: _TOKENS.read(value) for key, value in {**quantiles, **whole}.items() if value is not None}
        return Length("quantiles", tuple(read.items()), name)
    return Length("lognormal", (("mean", _TOKENS.read(group["mean"])), ("cv", _RATIO.read(group["cv"]))), name)


# Tables of printed ranges by name: kind of catalogue entry, its key, and the part that a row's words tell.
_TABLES = {"query-types": ("quality", "types"), "nominal-reasoning": ("workloads", "by_model")}


def _printed(name: str, part: str) -> Length:
    table, _, row = name.partition("/")
    if table not in _TABLES:
        raise ValueFault(f"no table '{table}' of lengths", nearest(table, _TABLES) or f"one of {', '.join(_TABLES)}")
    kind, key = _TABLES[table]
    rows: Any = entry(kind, table).plain[key]
    names = [one for one, figures in rows.items() if isinstance(figures, Mapping)]
    if row not in names:
        raise ValueFault(f"no '{row}' in {table}", nearest(row, names) or f"one of {', '.join(names)}")
    ends = _thought(rows[row], part) if table == "query-types" else _ends(rows[row].get(part))
    if ends is None or not ends[0] > 0:
        raise ValueFault(f"{name} tells no {part} length", "it has none" if part == "thinking" else "give a number")
    return Length("quantiles", (("p10", ends[0]), ("p90", ends[1])), name)


def _thought(row: Mapping[str, Any], part: str) -> tuple[float, float] | None:
    """The answer is what is written without reasoning, the thinking what comes on top with it."""
    answer, whole = _ends(row["standard"]), _ends(row["reasoning"])
    if answer is None or whole is None or part == "prompt":
        return None
    return answer if part == "answer" else (whole[0] - answer[0], whole[1] - answer[1])


def _ends(span: Any) -> tuple[float, float] | None:
    if not isinstance(span, Mapping):
        return None
    low, high = (_TOKENS.read(span[one]) for one in (("p10", "p90") if "p10" in span else ("low", "high")))
    return low, high
