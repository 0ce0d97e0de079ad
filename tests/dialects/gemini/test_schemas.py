from typing import Any

import pytest

from torana.dialects.gemini.schemas import cleaned


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}, {"type": "object"}),
        ({"const": "a"}, {"enum": ["a"]}),
        ({"$ref": "#/$defs/City"}, {"$ref": "#/$defs/City"}),
        (
            {"$ref": "#/$defs/City", "description": "Where"},
            {"description": "Where", "anyOf": [{"$ref": "#/$defs/City"}]},
        ),
        (
            {"properties": {"const": {"const": 1}, "$schema": {"type": "string"}}},
            {"properties": {"const": {"enum": [1]}, "$schema": {"type": "string"}}},
        ),
        ({"enum": [{"const": 1}], "default": {"const": 2}}, {"enum": [{"const": 1}], "default": {"const": 2}}),
        ({"anyOf": [{"const": None}, {"type": "string"}]}, {"anyOf": [{"enum": [None]}, {"type": "string"}]}),
        ({"additionalProperties": False}, {"additionalProperties": False}),
    ],
)
def test_a_schema_keeps_its_meaning(schema: dict[str, Any], written: dict[str, Any]) -> None:
    assert cleaned(schema) == written


def test_definitions_stand_beside_a_reference_that_is_the_whole() -> None:
    schema = {"$ref": "#/$defs/A", "$defs": {"A": {"const": 1}}}
    assert cleaned(schema) == {"$ref": "#/$defs/A", "$defs": {"A": {"enum": [1]}}}
