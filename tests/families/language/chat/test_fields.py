from torana.families.language.chat.fields import FIELDS, REPLY_SCHEMA, answer_schema


def test_every_field_is_told_of_once():
    names = [field.name for field in FIELDS]
    assert len(set(names)) == len(names)
    assert {field.name for field in FIELDS if field.required} == {"model", "messages"}
    assert all(field.description for field in FIELDS)


def test_the_schema_of_an_answer():
    assert REPLY_SCHEMA["required"] == ["id", "object", "created", "model", "choices"]
    members = answer_schema("x", {"type": "object"})["properties"]
    assert isinstance(members, dict)
    assert members["object"] == {"type": "string", "enum": ["x"]}
    assert members["choices"] == {"type": "array", "items": {"type": "object"}}
