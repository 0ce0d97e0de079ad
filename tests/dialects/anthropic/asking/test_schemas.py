from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.dialects.anthropic.asking.schemas import kept

LEAVES = st.sampled_from([
    {"type": "string"}, {"type": "integer", "minimum": 1}, {"enum": ["a", "b"]}, {"$ref": "#/$defs/x"}, {},
])  # fmt: skip
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda each: {"type": "array", "items": each, "minItems": 3}, inner),
        st.builds(lambda each: {"anyOf": each}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(
            lambda members: {"type": "object", "properties": members},
            st.dictionaries(st.sampled_from(["a", "properties", "minimum"]), inner, min_size=1, max_size=3),
        ),
    ),
    max_leaves=6,
)


def objects(schema: Any) -> list[dict[str, Any]]:
    match schema:
        case {"properties": dict(members)} if schema.get("type") == "object":
            return [schema, *(each for member in members.values() for each in objects(member))]
        case {"items": items}:
            return objects(items)
        case {"anyOf": several}:
            return [each for one in several for each in objects(one)]
    return []


@given(SCHEMAS)
def test_objects_have_no_members_but_those_described(schema: dict[str, Any]) -> None:
    made = kept(schema)
    assert made is not None
    assert len(objects(made)) == len(objects(schema))
    assert all(each["additionalProperties"] is False for each in objects(made))
    assert kept(made) == made


def test_bounds_become_words() -> None:
    made = kept({"type": "integer", "minimum": 1, "maximum": 5, "description": "Stars."})
    assert made == {"type": "integer", "description": 'Stars. {"minimum":1,"maximum":5}'}
    assert kept({"type": "array", "items": {"type": "string"}, "minItems": 1}) == {
        "type": "array", "items": {"type": "string"}, "minItems": 1,
    }  # fmt: skip
    assert kept({"oneOf": [{"type": "null"}, {"type": "string"}]}) == {"anyOf": [{"type": "null"}, {"type": "string"}]}


def test_definitions_are_kept_too() -> None:
    made = kept({"$ref": "#/$defs/x", "$defs": {"x": {"type": "object", "properties": {"a": {}}}}})
    assert made is not None
    assert made["$defs"]["x"]["additionalProperties"] is False


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": True},
        {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"type": "object"}}},
        {"type": "array", "items": {"type": "object", "patternProperties": {}}},
        {"anyOf": [{"type": "string"}, {"type": "object"}]},
        {"$defs": {"x": {"type": "object"}}},
        {"type": ["object", "null"]},
    ],
)
def test_what_leaves_names_open_cannot_be_kept(schema: dict[str, Any]) -> None:
    assert kept(schema) is None


def test_what_goes_too_deep_is_not_followed() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(500):
        deep = {"type": "array", "items": deep}
    assert kept(deep) is None
