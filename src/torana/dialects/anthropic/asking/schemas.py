"""JSON schemas as this dialect's models keep to them: objects have no members but those described.

Source: Anthropic's "Structured outputs"; what its own clients make of other schemas.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

_UNKEPT = frozenset({
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
    "uniqueItems", "minProperties", "maxProperties", "minContains", "maxContains",
})  # fmt: skip
_ONE, _SEVERAL = ("items",), ("anyOf", "allOf")
_NAMED = ("properties", "$defs", "definitions")
_DEEPEST = 64
_MOST_AT_LEAST = 1
"""Of ``minItems`` no more is kept to."""


def kept(schema: Mapping[str, Any], depth: int = 0) -> dict[str, Any] | None:
    """A schema that means as much and that models are held to; None where there is none, because it leaves names open.

    Bounds that nobody holds them to become part of the descriptions. Nor is there one for what goes too deep.
    """
    if depth > _DEEPEST:
        return None
    made: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _UNKEPT or (name == "minItems" and value not in range(_MOST_AT_LEAST + 1)):
            told[name] = value
        elif name == "oneOf":
            made["anyOf"] = value
        else:
            made[name] = value
    if _is_open(made) or not all(_keep(made, name, depth + 1) for name in (*_ONE, *_SEVERAL, *_NAMED)):
        return None
    if "properties" in made or _is_object(made):
        made["additionalProperties"] = False
    if told:
        bounds = msgspec.json.encode(told).decode()
        made["description"] = f"{made['description']} {bounds}" if made.get("description") else bounds
    return made


def _is_open(schema: Mapping[str, Any]) -> bool:
    """Whether it describes an object that may have members of any name."""
    more = schema.get("additionalProperties", False if "properties" in schema or not _is_object(schema) else None)
    return more is not False or "patternProperties" in schema


def _is_object(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind)


def _keep(made: dict[str, Any], name: str, depth: int) -> bool:
    """Puts a kept one in place of each schema within; False where there is none for one of them."""
    within = made.get(name)
    if isinstance(within, Mapping) and name in _ONE:
        made[name] = kept(within, depth)
        return made[name] is not None
    if isinstance(within, list) and name in _SEVERAL:
        made[name] = [kept(each, depth) if isinstance(each, Mapping) else each for each in within]
        return None not in made[name]
    if isinstance(within, Mapping) and name in _NAMED:
        made[name] = {key: kept(each, depth) if isinstance(each, Mapping) else each for key, each in within.items()}
        return None not in made[name].values()
    return True
