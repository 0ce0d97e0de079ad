import base64

import pytest

from torana.core.exchange import Message
from torana.upstream.signing.signer import Ajar, Fixed, basic

SECRET = "sk-very-secret"
URL = "https://api.example/v1/images"


@pytest.mark.parametrize("message", [Message("GET", "/", ()), Message("POST", "/x", (("a", "b"),), (b"body",))])
async def test_every_message_gets_the_same_header(message):
    assert await Fixed("x-key", f"Key {SECRET}").headers(message, URL) == (("x-key", f"Key {SECRET}"),)


async def test_a_door_that_needs_no_key():
    assert await Ajar().headers(Message("GET", "/", ()), URL) == ()


def test_nothing_secret_is_shown():
    assert repr(Fixed("x-key", SECRET)) == "Fixed(name='x-key')"


@pytest.mark.parametrize(
    "value", ["", " ", "Bearer ", f"{SECRET}\n", f" {SECRET}", f"{SECRET}\r\nx: y", "sk-é", "\x00"]
)
def test_what_no_header_can_carry_is_refused(value):
    with pytest.raises(ValueError, match="api_key must be printable ASCII on one line") as caught:
        Fixed("authorization", value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("secret", ["me:secret", "me:", "me:se:cret", "jürgen:pässword"])
async def test_basic_is_user_and_password(secret):
    ((name, value),) = await basic(secret).headers(Message("GET", "/", ()), URL)
    assert (name, value[:6]) == ("authorization", "Basic ")
    assert base64.b64decode(value[6:]).decode() == secret


@pytest.mark.parametrize("secret", ["", SECRET, f":{SECRET}"])
def test_basic_needs_a_user(secret):
    with pytest.raises(ValueError, match="api_key must be USER:PASSWORD") as caught:
        basic(secret)
    assert SECRET not in str(caught.value)
