from decimal import Decimal

import msgspec
import pytest

from tests.dialects.openai_language.spoken import at
from torana.core.errors import InvalidRequest
from torana.dialects.openai_language.manner import PLAIN, Manner, is_nothing, is_null, message, written


def test_the_model_is_the_upstreams_and_the_operators_fields_count_most():
    body, ignored = written({"model": "x", "temperature": 1, "n": 2}, at(parameters={"temperature": 0}), PLAIN)
    assert body == {"model": "gpt-5.4", "temperature": 0, "n": 2}
    assert ignored == ()


def test_a_model_in_the_path_is_not_in_the_body():
    assert written({"model": "x", "n": 1}, at(), Manner(sends_model=False)) == ({"n": 1}, ())


def test_fields_under_another_name():
    manner = Manner(renamed={"max_completion_tokens": "max_tokens"})
    body, _ = written({"max_tokens": 5, "max_completion_tokens": 9}, at(), manner)
    assert body == {"model": "gpt-5.4", "max_tokens": 9}
    assert written({"max_tokens": 5}, at(), manner)[0]["max_tokens"] == 5


def test_fields_that_are_not_there():
    manner = Manner(refused=frozenset({"logprobs"}), ignored=frozenset({"store"}))
    assert written({"store": True, "logprobs": None}, at(), manner) == ({"model": "gpt-5.4"}, ("store",))
    assert written({"store": msgspec.Raw(b"null")}, at(), manner)[1] == ()
    with pytest.raises(InvalidRequest) as refused:
        written({"logprobs": msgspec.Raw(b"true")}, at(), manner)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "logprobs")


def test_streams_are_asked_to_tell_what_was_used():
    given = {"stream_options": msgspec.Raw(b'{"include_obfuscation":false}')}
    body, _ = written(given, at(), PLAIN, stream=True)
    assert body["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert written({}, at(), PLAIN, stream=True)[0]["stream_options"] == {"include_usage": True}
    assert "stream_options" not in written(given, at(), Manner(counts_streams=False), stream=True)[0]
    assert "stream_options" not in written({}, at(), PLAIN)[0]


def test_a_message_on_its_way():
    manner = Manner(headers=(("x-vendor", "1"),))
    sent = message(lambda at: f"/d/{at.model}", {"a": 1}, at(forwarded=(("x-beta", "b"),)), manner, stream=True)
    assert (sent.method, sent.path, sent.body) == ("POST", "/d/gpt-5.4", (b'{"a":1}',))
    assert dict(sent.headers) == {
        "content-type": "application/json", "accept": "text/event-stream", "x-vendor": "1", "x-beta": "b",
    }  # fmt: skip
    assert dict(message("/x", {}, at(), PLAIN, stream=False).headers)["accept"] == "application/json"


@pytest.mark.parametrize(
    ("where", "usage", "charged"),
    [
        ("cost", {"cost": 0.00012}, Decimal("0.00012")),
        ("cost.total", {"cost": {"total": "0.5"}}, Decimal("0.5")),
        ("cost", {"cost": {"total": 1}}, None),
        ("cost", {"cost": "dear"}, None),
        ("cost", None, None),
        (None, {"cost": 1}, None),
    ],
)
def test_what_a_vendor_says_it_charged(where, usage, charged):
    assert Manner(cost=where).charged(usage) == charged


def test_members_that_are_not_there():
    assert is_null(None)
    assert is_null(msgspec.Raw(b"null"))
    assert not is_null(msgspec.Raw(b"0"))
    assert not is_null(0)
    assert all(is_nothing(msgspec.Raw(value)) for value in (b"null", b"[ ]", b'""'))
    assert is_nothing(None)
    assert not is_nothing(msgspec.Raw(b"[1]"))
    assert not is_nothing(msgspec.Raw(b'["' + b"a" * 20 + b'"]'))
