from collections.abc import Callable

import pytest

from tests.families.sent import Sent
from torana.core.errors import InvalidRequest
from torana.families.base import Family, Field, Form
from torana.families.images.edits import EDITS
from torana.families.images.generations import GENERATIONS
from torana.families.images.reply import Pictures
from torana.families.images.request import ImageRequest
from torana.families.images.variations import VARIATIONS

Read = Callable[[Form], ImageRequest]


def _texts(family: Family[ImageRequest, Pictures]) -> dict[str, Field]:
    """The fields that are single values, by name."""
    return {
        field.name: field
        for field in (*family.fields, *family.json_fields)
        if field.name not in {*family.files, "images"}
    }


CASES = [(family, field) for family in (VARIATIONS, EDITS, GENERATIONS) for field in _texts(family).values()]


def each(word: str = "type") -> pytest.MarkDecorator:
    """A case for each field of each family whose schema says that."""
    cases = [(family, field) for family, field in CASES if word in field.schema]
    ids = [f"{family.operation}-{field.name}" for family, field in cases]
    return pytest.mark.parametrize(("read", "field"), [(family.read, field) for family, field in cases], ids=ids)


GOOD = {
    "model": "m",
    "prompt": "a cat",
    "size": "64x64",
    "user": "u",
    "negative_prompt": "dogs",
    "stream": "true",
    "strength": "0.5",
}


def good(field: Field) -> str:
    """A value that the contract allows."""
    words = field.schema.get("enum")
    if isinstance(words, list):
        return str(words[-1])
    return GOOD.get(field.name, str(field.schema.get("maximum")))


def asked(read: Read, *sent: tuple[str, str]) -> ImageRequest:
    named = {name for name, _ in sent}
    needed = [(name, GOOD[name]) for name in ("model", "prompt") if name not in named]
    return read(Form((*needed, *sent), (("image", Sent()),)))


@each()
def test_every_field_in_the_contract_is_known_and_does_something(read: Read, field: Field):
    written = asked(read, (field.name, good(field)))
    assert field.name not in written.unknown
    assert written != asked(read) or field.name in {"model", "prompt"}


@each()
def test_no_field_may_come_twice(read: Read, field: Field):
    with pytest.raises(InvalidRequest) as caught:
        asked(read, (field.name, good(field)), (field.name, good(field)))
    assert (caught.value.param, caught.value.code) == (field.name, "duplicate_parameter")


@each()
def test_what_need_not_be_said_may_be_null_and_what_must_may_not(read: Read, field: Field):
    assert field.nullable is not field.required


@each("default")
def test_the_defaults_in_the_contract_are_those_that_hold(read: Read, field: Field):
    default = field.schema["default"]
    text = str(default).lower() if isinstance(default, bool) else str(default)
    assert getattr(asked(read, (field.name, text)), field.name) == getattr(asked(read), field.name)


@each("maximum")
def test_the_bounds_in_the_contract_are_those_that_hold(read: Read, field: Field):
    low, high = field.schema["minimum"], field.schema["maximum"]
    assert isinstance(low, int)
    assert isinstance(high, int)
    for within in (low, high):
        asked(read, (field.name, str(within)))
    for beyond in (low - 1, high + 1):
        with pytest.raises(InvalidRequest) as caught:
            asked(read, (field.name, str(beyond)))
        assert caught.value.param == field.name


@each("maxLength")
def test_the_lengths_in_the_contract_are_those_that_hold(read: Read, field: Field):
    longest = field.schema["maxLength"]
    assert isinstance(longest, int)
    asked(read, (field.name, "x" * longest))
    with pytest.raises(InvalidRequest) as caught:
        asked(read, (field.name, "x" * (longest + 1)))
    assert (caught.value.param, caught.value.code) == (field.name, "string_above_max_length")


@each("enum")
def test_the_words_in_the_contract_are_those_that_hold(read: Read, field: Field):
    words = field.schema["enum"]
    assert isinstance(words, list)
    for word in words:
        asked(read, (field.name, word))
    with pytest.raises(InvalidRequest) as caught:
        asked(read, (field.name, "made-up"))
    assert caught.value.param == field.name
