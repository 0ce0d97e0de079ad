import pytest

from tests.families.sent import Sent
from torana.core.content import Size
from torana.core.errors import InvalidRequest
from torana.families.base import Form
from torana.families.images import GENERATE, GENERATIONS, ImageRequest
from torana.families.images.generations import read_generation


def asked(*fields: tuple[str, str]) -> ImageRequest:
    return read_generation(Form((("model", "paint"), ("prompt", "a cat"), *fields)))


def refused(*fields: tuple[str, str]) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read_generation(Form(fields))
    return caught.value


def test_a_request_with_nothing_but_the_needful():
    assert asked() == ImageRequest(
        "paint", operation=GENERATE, prompt="a cat", n=1, size=None, response_format="url", output_format="png"
    )


def test_a_request_with_everything():
    wishes = {
        "quality": "high",
        "background": "transparent",
        "output_compression": "80",
        "moderation": "low",
        "style": "vivid",
        "input_fidelity": "low",
        "negative_prompt": "dogs",
    }
    fields = {
        "n": "3",
        "size": "256x512",
        "response_format": "b64_json",
        "user": "u-1",
        "output_format": "webp",
        "stream": "true",
        "partial_images": "2",
        "seed": "7",
        **wishes,
    }
    assert asked(*fields.items()) == ImageRequest(
        "paint",
        operation=GENERATE,
        prompt="a cat",
        n=3,
        size=Size(256, 512),
        response_format="b64_json",
        user="u-1",
        output_format="webp",
        stream=True,
        partial_images=2,
        seed=7,
        wishes=wishes,
        extensions=frozenset({"seed", "output_format"}),
    )


@pytest.mark.parametrize("missing", ["model", "prompt"])
@pytest.mark.parametrize("text", [None, "", " \n"])
def test_model_and_prompt_are_needed(missing, text):
    fields = {"model": "paint", "prompt": "a cat"}
    fields = {name: value for name, value in {**fields, missing: text}.items() if value is not None}
    error = refused(*fields.items())
    assert (error.status, error.param, error.code) == (400, missing, "missing_required_parameter")
    assert error.message == f"Missing required parameter: '{missing}'."


def test_a_prompt_that_is_too_long():
    assert asked(("user", "u")).prompt == "a cat"
    error = refused(("model", "paint"), ("prompt", "ü" * 32_001))
    assert (error.param, error.code) == ("prompt", "string_above_max_length")
    assert error.message == "'prompt' has more than 32,000 characters."


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("n", "2.0", "invalid_type"),
        ("n", "true", "invalid_type"),
        ("n", "0", "integer_below_min_value"),
        ("stream", "True", "invalid_value"),
        ("stream", "1", "invalid_value"),
        ("partial_images", "4", "integer_above_max_value"),
        ("output_compression", "101", "integer_above_max_value"),
        ("output_compression", "80%", "invalid_type"),
        ("quality", "best", "invalid_value"),
        ("background", "Opaque", "invalid_value"),
        ("negative_prompt", "x" * 32_001, "string_above_max_length"),
        ("size", "large", "invalid_value"),
    ],
)
def test_values_that_are_refused(name, text, code):
    error = refused(("model", "paint"), ("prompt", "a cat"), (name, text))
    assert (error.status, error.param, error.code) == (400, name, code)


def test_pictures_and_strength_mean_nothing_here():
    form = Form((("model", "paint"), ("prompt", "a cat"), ("strength", "9"), ("image", "")), (("image", Sent()),))
    request = read_generation(form)
    assert (request.images, request.mask, request.strength) == ((), None, None)
    assert GENERATIONS.ignored(request) == ("strength", "image")


def test_it_takes_json_alone():
    assert GENERATIONS.fields == ()
    assert GENERATIONS.files == frozenset()
    assert GENERATIONS.paths == ("/images/generations", "/v1/images/generations")
