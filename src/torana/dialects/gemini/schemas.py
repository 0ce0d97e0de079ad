"""JSON schemas as Gemini takes them: a little less of the standard than clients write.

Source: Google's reference of ``responseJsonSchema``: a ``$ref`` stands alone, ``const`` is not known.
"""

from collections.abc import Mapping
from typing import Any

_DROPPED = frozenset({"$schema", "$comment"})
_BY_NAME = frozenset({"properties", "$defs", "definitions", "patternProperties"})
"""Members that hold schemas by name, where a name may be any."""
_LITERAL = frozenset({"enum", "const", "default", "examples", "required", "propertyOrdering"})
"""Members whose values are no schemas, whatever they look like."""


def cleaned(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema, meaning the same, in what Gemini knows of the standard."""
    written: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _DROPPED:
            continue
        if name == "const":
            written["enum"] = [value]
        elif name in _BY_NAME and isinstance(value, Mapping):
            written[name] = {each: _any(inner) for each, inner in value.items()}
        else:
            written[name] = value if name in _LITERAL else _any(value)
    beside = {name: value for name, value in written.items() if not name.startswith("$")}
    if "$ref" in written and beside:
        # Nothing else may stand beside a reference.
        kept = {name: value for name, value in written.items() if name.startswith("$") and name != "$ref"}
        return {**kept, **beside, "anyOf": [{"$ref": written["$ref"]}, *beside.get("anyOf", ())]}
    return written


def _any(value: object) -> object:
    if isinstance(value, Mapping):
        return cleaned(value)
    if isinstance(value, list | tuple):
        return [_any(each) for each in value]
    return value
