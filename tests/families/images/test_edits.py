import pytest

from tests.families.sent import Sent
from torana.core.errors import InvalidImage, InvalidRequest
from torana.families.base import Form
from torana.families.images import EDIT, EDITS, ImageRequest
from torana.families.images.edits import FIELDS, JSON_FIELDS, read_edit

IMAGE, OTHER, MASK = (Sent(data=bytes([number])) for number in range(3))


def asked(*fields: tuple[str, str], files: tuple[tuple[str, Sent], ...] = (("image", IMAGE),)) -> ImageRequest:
    return read_edit(Form((("model", "paint"), *fields), files))


def test_a_request_with_nothing_but_the_needful():
    assert asked() == ImageRequest("paint", (IMAGE,), operation=EDIT, size=None)


def test_pictures_stay_in_the_order_they_came_and_the_mask_is_none_of_them():
    request = asked(("prompt", " a hat \n"), files=(("image", IMAGE), ("mask", MASK), ("image", OTHER)))
    assert request == ImageRequest("paint", (IMAGE, OTHER), MASK, "a hat", operation=EDIT, size=None)


def test_options():
    request = asked(("strength", "0.3"), ("seed", "7"), ("input_fidelity", "high"), ("stream", "true"), ("n", "2"))
    assert (request.strength, request.seed, request.stream, request.n) == (0.3, 7, True, 2)
    assert request.wishes == {"input_fidelity": "high"}
    assert request.extensions == {"seed", "strength"}


def test_without_a_picture_there_is_nothing_to_edit():
    with pytest.raises(InvalidImage) as caught:
        asked(("prompt", "a hat"), files=(("mask", MASK),))
    assert (caught.value.param, caught.value.code) == ("image", "missing_required_parameter")


def test_there_is_one_mask_at_most():
    with pytest.raises(InvalidRequest) as caught:
        asked(files=(("image", IMAGE), ("mask", MASK), ("mask", MASK)))
    assert (caught.value.param, caught.value.code) == ("mask", "duplicate_parameter")
    assert caught.value.message == "'mask' was sent more than once."


def test_a_model_is_needed():
    with pytest.raises(InvalidRequest) as caught:
        read_edit(Form((("prompt", "a hat"),), (("image", IMAGE),)))
    assert (caught.value.param, caught.value.code) == ("model", "missing_required_parameter")


def test_an_empty_prompt_is_none():
    assert asked(("prompt", "")).prompt is None


def test_a_mask_or_image_that_is_text_is_not_taken_for_an_unknown_field():
    request = asked(("mask", ""), ("image", ""), ("mood", "blue"))
    assert request.mask is None
    assert EDITS.ignored(request) == ("mood",)


def test_both_kinds_of_body_have_the_same_fields_but_for_the_pictures():
    in_forms, in_json = ({field.name: field for field in fields} for fields in (FIELDS, JSON_FIELDS))
    assert in_forms.keys() ^ in_json.keys() == {"image", "mask", "images"}
    assert all(in_forms[name] is in_json[name] for name in in_forms.keys() & in_json.keys())
