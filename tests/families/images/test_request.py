from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from tests.families.sent import Sent
from torana.core.content import Size
from torana.core.errors import InvalidImage, InvalidRequest
from torana.families.base import Form
from torana.families.images.request import EDIT, ImageRequest, Values, asked, pictures_of

IMAGE, OTHER, MASK = (Sent(data=bytes([number])) for number in range(3))
REQUEST = ImageRequest("m", (IMAGE,))


def values(*sent: tuple[str, str], known: str = "a b n size strength model") -> Values:
    return Values(Form(sent), known.split())


def refusal(read: Any, *args: Any, **kwargs: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read(*args, **kwargs)
    return caught.value


# Values


def test_known_fields_are_stripped_and_empty_ones_left_out():
    assert values(("a", " x \n"), ("b", "  "), ("c", "y")).found == {"a": "x"}


def test_unknown_fields_are_told_once_each_and_may_come_twice():
    assert values(("d", ""), ("c", "y"), ("d", "x"), ("a", "")).unknown == ("d", "c")


@pytest.mark.parametrize("texts", [("x", "x"), ("", ""), ("x", "")])
def test_a_known_field_may_not_come_twice(texts):
    error = refusal(values, *(("a", text) for text in texts))
    assert (error.param, error.code) == ("a", "duplicate_parameter")


def test_text_has_a_length():
    assert values(("a", " üü ")).text("a", longest=2) == "üü"
    assert values().text("a", longest=2) is None
    error = refusal(values(("a", "xxx")).text, "a", longest=2)
    assert (error.param, error.code) == ("a", "string_above_max_length")
    assert error.message == "'a' has more than 2 characters."


def test_text_that_is_needed():
    assert values(("a", "x")).needed("a", longest=2) == "x"
    assert refusal(values().needed, "a", longest=2).code == "missing_required_parameter"
    assert refusal(values(("a", "xxx")).needed, "a", longest=2).code == "string_above_max_length"


@given(st.integers(-(10**21), 10**21), st.integers(-5, 5), st.integers(0, 5))
def test_whole_numbers_are_those_within_the_bounds(number, low, span):
    read = values(("n", str(number))).integer
    if low <= number <= low + span:
        assert read("n", low=low, high=low + span) == number
    else:
        assert refusal(read, "n", low=low, high=low + span).param == "n"
    assert values().integer("n", low=low, high=low + span) is None


def test_one_of_a_few_words():
    assert values(("a", "y")).choice("a", ("x", "y")) == "y"
    assert values().choice("a", ("x", "y")) == "x"
    error = refusal(values(("a", "Y")).choice, "a", ("x", "y"))
    assert (error.param, error.message) == ("a", "'a' must be one of 'x', 'y'.")


def test_a_size_a_default_or_the_models_choice():
    assert values(("size", "3x2")).size(None) == Size(3, 2)
    assert values().size(Size(1, 1)) == Size(1, 1)
    assert values().size(None) is None
    assert values(("size", "auto")).size(Size(1, 1)) is None


# Requests


def test_pictures_are_those_under_their_name():
    assert pictures_of(Form((), (("image", IMAGE), ("mask", MASK), ("image", OTHER)))) == (IMAGE, OTHER)
    with pytest.raises(InvalidImage):
        pictures_of(Form((), (("mask", MASK),)))


def test_only_what_may_be_wished_for_is_a_wish():
    sent = Values(Form((("quality", "low"), ("style", "vivid"), ("n", "2"))), {"quality", "style", "n"})
    request = asked(sent, operation=EDIT, model="m", wishes=frozenset({"quality", "background"}))
    assert request == ImageRequest("m", operation=EDIT, n=2, size=None, wishes={"quality": "low"})


# What makes two requests the same

OTHERWISE: dict[str, Any] = {
    "model": "n",
    "images": (OTHER,),
    "mask": MASK,
    "prompt": "a cat",
    "n": 2,
    "size": None,
    "response_format": "b64_json",
    "user": "u",
    "seed": 0,
    "strength": 0.0,
    "output_format": "webp",
    "stream": True,
    "partial_images": 1,
    "wishes": {"quality": "low"},
    "operation": EDIT,
    "extensions": frozenset({"seed"}),
    "unknown": ("mood",),
}


def parts(request: ImageRequest) -> list[object]:
    return list(request.parts)


@pytest.mark.parametrize("name", [field.name for field in fields(ImageRequest)])
def test_whatever_differs_shows_in_the_parts(name):
    assert parts(replace(REQUEST, **{name: OTHERWISE[name]})) != parts(REQUEST)


def test_a_mask_is_not_taken_for_a_picture():
    masked = ImageRequest("m", (OTHER,), IMAGE)
    assert parts(masked) != parts(ImageRequest("m", (IMAGE, OTHER)))
    assert parts(masked)[1:] == [IMAGE, OTHER]


def test_the_order_of_the_fields_makes_no_difference():
    one = replace(REQUEST, wishes={"quality": "low", "style": "vivid"}, extensions=frozenset("abcdefgh"))
    same = replace(REQUEST, wishes={"style": "vivid", "quality": "low"}, extensions=frozenset("hgfedcba"))
    assert parts(one) == parts(same)


@given(st.text(), st.text())
def test_no_text_is_taken_for_another(prompt, user):
    one, other = replace(REQUEST, prompt=prompt, user=user), replace(REQUEST, prompt=user, user=prompt)
    assert (parts(one) == parts(other)) is (prompt == user)
