"""Three kinds of price files, told apart by what is in them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from capplan.catalog import files
from capplan.catalog.figures import date_of
from capplan.catalog.imports.rows import API_FIELDS, ApiRow, Read, RentRow, number, price
from capplan.errors import UserError
from capplan.reading import Unreadable, parse_csv, parse_json

_LITELLM = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "batch_input": "input_cost_per_token_batches",
    "batch_output": "output_cost_per_token_batches",
    "flex_input": "input_cost_per_token_flex",
    "flex_output": "output_cost_per_token_flex",
    "thinking_output": "output_cost_per_reasoning_token",
    "input_above_200k": "input_cost_per_token_above_200k_tokens",
    "output_above_200k": "output_cost_per_token_above_200k_tokens",
}
_MODES = ("chat", "completion", "responses")
_SKYPILOT = {"InstanceType", "AcceleratorName", "AcceleratorCount", "Price"}
Rows = Iterable[tuple[int, Mapping[str, str]]]
_TERMS = ("on_demand", "spot", "reserved")
MOST_BYTES = 16 << 20  # LiteLLM's list has 2


def read(text: str, name: str, on: str = "", provider: str = "") -> Read:
    """The prices of a file.

    on: the day that they held, for files that do not say (LiteLLM's, SkyPilot's); provider: whose SkyPilot file it is.
    Raises UserError naming the file and the row of everything that is wrong.
    """
    if on and date_of(on) is None:
        raise UserError(f"--on {on}: no date (write it as 2026-11-21)")
    if text.lstrip()[:1] in ("{", "["):
        return _litellm(text, name, on)
    names, rows = parse_csv(text, name)
    columns = set(names)
    if columns >= _SKYPILOT:
        return _skypilot(rows, name, on, provider)
    if columns >= {"model", "provider", "input", "output"}:
        return _own_api(rows, name, on)
    if columns >= {"accelerator", "provider", "price"}:
        return _own_rents(rows, name, on)
    raise UserError(
        f"{name}: no price file that is known: LiteLLM's JSON, SkyPilot's CSV, or a CSV with the columns "
        "model, provider, input, output or accelerator, provider, price (and date, term, region)"
    )


def is_config(text: str) -> bool:
    """Whether the text is a model's config.json rather than a price list."""
    try:
        tree = parse_json(text, "", lenient=True) if text.lstrip()[:1] == "{" else None
    except Unreadable:
        return False
    return isinstance(tree, dict) and not {"model_type", "architectures"}.isdisjoint(tree)


def _litellm(text: str, name: str, on: str) -> Read:
    tree = parse_json(text, name, lenient=True)
    if not isinstance(tree, dict):
        raise UserError(f"{name}: no price list: an object of models is needed")
    _dated(on, name)
    found, skipped, faults = [], Counter[str](), []
    for id_, held in tree.items():
        if not isinstance(held, dict) or held.get("mode") not in _MODES or not held.get("litellm_provider"):
            skipped["no chat model of a provider"] += 1
            continue
        try:
            row = _litellm_row(str(id_), held, f"{name}: {id_}", on)
        except UserError as wrong:
            faults.append(str(wrong))
            continue
        if row is None:
            skipped["input or output price missing or zero"] += 1
        else:
            found.append(row)
    _raise(faults)
    return Read("LiteLLM JSON", api=tuple(found), skipped=dict(skipped))


def _litellm_row(id_: str, held: Mapping[str, Any], where: str, on: str) -> ApiRow | None:
    prices = {
        key: amount
        for key, theirs in _LITELLM.items()
        if (amount := number(held.get(theirs), 1.0, "usd_per_token", f"{where}: {theirs}")) is not None
    }
    if not {"input", "output"} <= prices.keys():
        return None
    whole = {
        key: int(held[theirs])
        for key, theirs in (("max_input", "max_input_tokens"), ("max_output", "max_output_tokens"))
        if isinstance(held.get(theirs), int) and held[theirs] > 0
    }
    provider = files.normal(str(held["litellm_provider"]).replace("_", "-"))
    model = files.normal(id_.rsplit("/", 1)[-1].rsplit(":", 1)[0]).strip("-")
    return ApiRow(provider, model, id_, on, prices, whole, bool(held.get("supports_reasoning")))


def _skypilot(rows: Rows, name: str, on: str, provider: str) -> Read:
    _dated(on, name)
    if not provider:
        raise UserError(f"{name}: SkyPilot's file does not say whose it is (add --provider, e.g. --provider nebius)")
    cheapest: dict[tuple[str, str, str], RentRow] = {}
    skipped, faults = Counter[str](), []
    for line, row in rows:
        where = f"{name}:{line}"
        accelerator, count = _accelerator(row["AcceleratorName"]), row["AcceleratorCount"]
        if accelerator is None:
            skipped[f"accelerator {row['AcceleratorName'] or 'none'} is not in the catalogue"] += 1
            continue
        for term, column in (("on_demand", "Price"), ("spot", "SpotPrice")):
            try:
                gpus = float(count or 0)
                each = number(row.get(column), 1 / (3600 * gpus), "usd_per_s", f"{where}: {column}") if gpus else None
            except (UserError, ValueError) as wrong:
                faults.append(str(wrong) if isinstance(wrong, UserError) else f"{where}: AcceleratorCount: {wrong}")
                continue
            if each is None:
                skipped[f"{column} missing or zero"] += 1
                continue
            region = row.get("Region") or ""
            made = RentRow(accelerator, files.normal(provider), term, region, row["InstanceType"], on, each)
            held = cheapest.get((accelerator, term, region))
            if held is None or made.usd_per_s < held.usd_per_s:
                cheapest[accelerator, term, region] = made
    _raise(faults)
    return Read("SkyPilot CSV", rents=tuple(cheapest.values()), skipped=dict(skipped))


def _own_api(rows: Rows, name: str, on: str) -> Read:
    made, skipped, faults = [], 0, []
    for line, row in rows:
        where = f"{name}:{line}"
        try:
            prices = {
                key: amount
                for key in API_FIELDS
                if (amount := price(row.get(key), "usd_per_token", f"{where}: {key}")) is not None
            }
            if not {"input", "output"} <= prices.keys():
                skipped += 1
                continue
            made.append(ApiRow(_word(row, "provider", where), _word(row, "model", where), _word(row, "model", where),
                               _dated(row.get("date") or on, where), prices))  # fmt: skip
        except UserError as wrong:
            faults.append(str(wrong))
    _raise(faults)
    return Read("own CSV of API prices", api=tuple(made), skipped=_absent(skipped, "input or output price"))


def _own_rents(rows: Rows, name: str, on: str) -> Read:
    made, skipped, faults = [], 0, []
    for line, row in rows:
        where = f"{name}:{line}"
        try:
            accelerator = _accelerator(row["accelerator"])
            if accelerator is None:
                raise UserError(f"{where}: no accelerator '{row['accelerator']}' in the catalogue")
            term = (row.get("term") or "on_demand").strip()
            if term not in _TERMS:
                raise UserError(f"{where}: term '{term}' is not one of {', '.join(_TERMS)}")
            each = price(row["price"], "usd_per_s", f"{where}: price")
            if each is None:
                skipped += 1
                continue
            made.append(RentRow(accelerator, _word(row, "provider", where), term, row.get("region") or "",
                                row.get("instance") or "", _dated(row.get("date") or on, where), each))  # fmt: skip
        except UserError as wrong:
            faults.append(str(wrong))
    _raise(faults)
    return Read("own CSV of rents", rents=tuple(made), skipped=_absent(skipped, "price"))


def _absent(rows: int, what: str) -> dict[str, int]:
    return {f"{what} missing or zero": rows} if rows else {}


def _accelerator(name: str | None) -> str | None:
    held = (name or "").strip()
    return files.find("accelerators", held).stem if held and files.exists("accelerators", held) else None


def _word(row: Mapping[str, str | None], key: str, where: str) -> str:
    text = files.normal(row.get(key) or "")
    if not text:
        raise UserError(f"{where}: {key} is missing")
    return text


def _dated(on: str, where: str) -> str:
    if not on:
        raise UserError(f"{where}: prices need the day on which they held (add --on 2026-11-21, or a column date)")
    if date_of(on) is None:
        raise UserError(f"{where}: '{on}' is no date (write it as 2026-11-21)")
    return on


def _raise(faults: list[str]) -> None:
    if faults:
        raise UserError("\n".join(faults))
