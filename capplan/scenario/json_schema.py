"""JSON Schema of scenario files, from the same annotations that read them. Editors check and complete with it."""

from typing import Any

from capplan.scenario.kinds import Kind, Whole
from capplan.scenario.length_kind import LengthKind
from capplan.scenario.part import Part, Slot, slots
from capplan.scenario.quantity import Quantity
from capplan.scenario.reasoning import Reasoning
from capplan.scenario.schema import Scenario

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_RANGE = ("low", "mid", "high")


def scenario_schema() -> dict[str, Any]:
    """Every key with its description, type, unit by example, and default."""
    definitions: dict[str, Any] = {}
    top = _section(Scenario, definitions)
    return {"$schema": _DIALECT, "title": "capplan scenario", **top, "$defs": definitions}


def _section(part: type[Part], definitions: dict[str, Any]) -> dict[str, Any]:
    keys = slots(part)
    described = (part.__doc__ or "").strip().split("\n\n")[0]
    return {
        "description": " ".join(described.split()),
        "type": "object",
        "properties": {key: _key(slot, part, definitions) for key, slot in keys.items()},
        "required": [key for key, slot in keys.items() if slot.required],
        "additionalProperties": False,
    }


def _key(slot: Slot, part: type[Part], definitions: dict[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {"description": slot.description}
    if slot.part is not None:
        return about | _below(slot, slot.part, definitions)
    if slot.default is not None and slot.kind is not None:
        about["default"] = slot.kind.write(slot.default)
    return about | _scalar(slot, issubclass(part, Reasoning))


def _below(slot: Slot, part: type[Part], definitions: dict[str, Any]) -> dict[str, Any]:
    name = part.__name__
    if name not in definitions:
        definitions[name] = {}  # holds the place: a section may hold its own kind
        definitions[name] = _section(part, definitions)
    reference: dict[str, Any] = {"$ref": f"#/$defs/{name}"}
    if not slot.many:
        return {"anyOf": [reference, {"type": "null"}]} if not slot.required else reference
    item = {"anyOf": [reference, {"type": "string"}]} if part is Reasoning else reference
    return {"type": "array", "items": item}


def _scalar(slot: Slot, swept: bool) -> dict[str, Any]:
    plain = dict((slot.kind or Kind()).json_schema())
    examples = plain.pop("examples", None)
    forms = [plain]
    if isinstance(slot.kind, (Quantity, Whole, LengthKind)):
        forms.append(_range(plain))
    if swept:
        forms.append({"type": "array", "items": plain, "minItems": 1})
    made = plain if len(forms) == 1 else {"anyOf": forms}
    return made | ({"examples": examples} if examples else {})


def _range(plain: dict[str, Any]) -> dict[str, Any]:
    ends = dict.fromkeys(_RANGE, plain)
    return {"type": "object", "properties": ends, "required": list(_RANGE), "additionalProperties": False}
