import json

import pytest

from torana.core.errors import InvalidRequest
from torana.families.language.chat import CHAT, VOICE
from torana.families.language.chat.family import nothing_ignored, parse
from torana.families.language.words import Text, Turn


def raw(**members):
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}], **members}).encode()


def test_a_request():
    request = parse(raw(stream=True, max_tokens=5))
    assert (request.operation, request.model, request.stream, request.longest) == ("chat.completions", "m", True, 5)
    assert request.raw == raw(stream=True, max_tokens=5)


def test_what_is_not_known_passes():
    odd = {"new": {"a": 1}, "messages": [{"role": "oracle", "content": [{"type": "hologram"}]}], "tools": "?"}
    assert parse(raw(**odd)).body["new"] == {"a": 1}
    assert nothing_ignored(parse(raw(**odd))) == ()


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": "Hi"}, "messages", "invalid_value"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"n": 0}, "n", "invalid_value"),
        ({"max_tokens": -1}, "max_tokens", "invalid_value"),
        ({"stream_options": True}, "stream_options", "invalid_type"),
    ],
)
def test_requests_that_make_no_sense(members, param, code):
    with pytest.raises(InvalidRequest) as refused:
        parse(raw(**members))
    assert (refused.value.param, refused.value.code) == (param, code)


def test_the_family():
    assert CHAT.paths == ("/chat/completions", "/v1/chat/completions")
    assert CHAT.parse is parse
    assert CHAT.heartbeat == b": keep-alive\n\n"
    assert VOICE.hear(parse(raw())).turns == (Turn("user", (Text("Hi"),)),)
