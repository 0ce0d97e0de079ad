import base64

import pytest
from msgspec import Struct

from tests.providers.kit import photo
from torana.core.errors import UpstreamError
from torana.dialects.steps import Ask, Received, Sent, get, json_message


class Told(Struct):
    n: int


def test_what_is_not_given_is_left_out_and_the_operator_has_the_last_word():
    ask = Ask("images.variations", "m", 1, parameters={"n": 3, "steps": 8})
    assert ask.given(n=1, seed=None, prompt="") == {"n": 3, "prompt": "", "steps": 8}


def test_a_picture_goes_as_text_in_two_ways():
    picture = photo(8, 8)
    source = Sent(picture.data, picture.info)
    head, _, text = source.data_uri().partition(",")
    assert head == "data:image/png;base64"
    assert text == source.base64()
    assert base64.b64decode(text) == picture.data


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"n":"1"}', b"[" * 5000, b"\xff"])
def test_a_reply_that_is_not_what_was_promised_is_the_upstreams_failure(body):
    with pytest.raises(UpstreamError) as failed:
        Received(200, {}, body).read(Told)
    assert failed.value.code == "upstream_invalid_reply"


def test_what_is_promised_is_read_and_the_rest_passed_over():
    assert Received(200, {}, b'{"n":1,"m":2}').read(Told) == Told(1)


@pytest.mark.parametrize(("status", "succeeded"), [(199, False), (200, True), (201, True), (299, True), (302, False)])
def test_success_is_a_matter_of_the_status(status, succeeded):
    assert Received(status, {}, b"").succeeded == succeeded


def test_messages():
    posted = json_message("POST", "/x", {"a": [1]}, ("x-more", "1"))
    assert (posted.method, posted.path, posted.body) == ("POST", "/x", (b'{"a":[1]}',))
    assert dict(posted.headers) == {"content-type": "application/json", "accept": "application/json", "x-more": "1"}
    assert (get("/y").method, get("/y").path, get("/y").body) == ("GET", "/y", ())
