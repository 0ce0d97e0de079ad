import pytest
from msgspec import Struct

from torana.core.errors import InvalidRequest
from torana.families.language.chat.checked import (
    check_options,
    checked,
    unsupported,
    wants_usage,
    wrong,
)


class Named(Struct):
    name: str
    n: int = 0


@pytest.mark.parametrize(
    ("value", "param", "code", "message"),
    [
        ({}, "tools[1].name", "missing_required_parameter", "Missing required parameter: 'tools[1].name'."),
        ({"name": 1}, "tools[1].name", "invalid_type",
         "Invalid value for 'tools[1].name': expected 'str', got 'int'."),
        (7, "tools[1]", "invalid_type", "Invalid value for 'tools[1]': Expected `object`, got `int`."),
    ],
)  # fmt: skip
def test_an_error_names_the_whole_path(value, param, code, message):
    with pytest.raises(InvalidRequest) as refused:
        checked(value, Named, "tools[1]")
    assert (refused.value.param, refused.value.code) == (param, code)
    assert refused.value.message.replace("`", "'") == message.replace("`", "'")


def test_what_is_as_described():
    assert checked({"name": "a", "more": 1}, Named, "x") == Named("a")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"temperature": 0, "top_p": 0.5, "presence_penalty": -1, "frequency_penalty": None},
        {"max_tokens": 1, "max_completion_tokens": 10**9, "n": 128},
        {"n": None, "max_tokens": None},
        # More than any number that we can hold is a number all the same.
        {"temperature": 10**400, "n": 2},
    ],
)
def test_numbers(body):
    check_options(body)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("temperature", "hot", "invalid_type"), ("top_p", True, "invalid_type"),
        ("presence_penalty", [], "invalid_type"),
        ("max_tokens", 0, "invalid_value"), ("max_tokens", -1, "invalid_value"), ("max_tokens", 2**31, "invalid_value"),
        ("max_tokens", 1.5, "invalid_type"),
        ("max_completion_tokens", True, "invalid_type"), ("n", 0, "invalid_value"), ("n", 129, "invalid_value"),
        ("n", "2", "invalid_type"),
    ],
)  # fmt: skip
def test_what_is_no_number(name, value, code):
    with pytest.raises(InvalidRequest) as refused:
        check_options({name: value})
    assert (refused.value.param, refused.value.code) == (name, code)


@pytest.mark.parametrize(
    ("body", "wants"),
    [
        ({}, False), ({"stream_options": None}, False), ({"stream_options": {}}, False),
        ({"stream_options": {"include_usage": None}}, False), ({"stream_options": {"include_usage": False}}, False),
        ({"stream_options": {"include_usage": True, "new": 1}}, True),
    ],
)  # fmt: skip
def test_options_of_streams(body, wants):
    check_options(body)
    assert wants_usage(body) == wants


@pytest.mark.parametrize(
    ("options", "param"), [([], "stream_options"), ({"include_usage": 1}, "stream_options.include_usage")]
)
def test_options_that_are_none(options, param):
    with pytest.raises(InvalidRequest) as refused:
        check_options({"stream_options": options})
    assert (refused.value.param, refused.value.code) == (param, "invalid_type")


def test_refusals():
    assert wrong("x", "No.").code == "invalid_value"
    assert unsupported("x", "No.").code == "unsupported_parameter"
    assert unsupported("x", "No.", value=True).code == "unsupported_value"
