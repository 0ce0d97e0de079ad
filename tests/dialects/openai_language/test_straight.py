import json

import pytest

from tests.dialects.openai_language.spoken import SPOKEN, asked, at, body
from torana.core.errors import UpstreamError, UpstreamRateLimited
from torana.dialects.openai_language import PLAIN, Manner, plain_only, straight
from torana.dialects.openai_language.straight import answered, raw_members, reading
from torana.dialects.steps import Received
from torana.families.language.asked import LanguageRequest

WAY = straight("/chat/completions")


def sent(asking):
    return json.loads(body(asking.message))


def test_what_the_client_says_goes_on_as_he_said_it():
    raw = (
        b'{"model":"fast","temperature":1.0,"seed":12345678901234567890123,"messages":[{"x":"\\u00e9","y":1e2}],"z":{}}'
    )
    request = LanguageRequest("chat.completions", "fast", json.loads(raw), raw)
    asking = WAY(request, at(request))
    told = body(asking.message)
    assert b'"messages":[{"x":"\\u00e9","y":1e2}]' in told
    assert b'"temperature":1.0,"seed":12345678901234567890123' in told
    assert sent(asking) == json.loads(raw) | {"model": "gpt-5.4"}
    assert asking.message.path == "/chat/completions"
    assert asking.relay is None
    assert asking.ignored == ()


def test_a_stream():
    request = asked(stream=True)
    asking = WAY(request, at(request))
    assert sent(asking) == dict(request.body) | {"model": "gpt-5.4", "stream_options": {"include_usage": True}}
    assert asking.relay is not None
    told = asking.relay()
    shown = b"".join(piece for event in SPOKEN[0].events for piece in told.take(event))
    assert b"prompt_tokens" not in shown


def test_a_stream_whose_client_wants_to_know_what_was_used():
    request = asked(stream=True, stream_options={"include_usage": True})
    relay = WAY(request, at(request)).relay
    assert relay is not None
    told = relay()
    assert b"prompt_tokens" in b"".join(piece for event in SPOKEN[0].events for piece in told.take(event))


def test_a_vendors_manner():
    way = straight(lambda at: f"/deployments/{at.model}", Manner(sends_model=False, ignored=frozenset({"store"})))
    request = asked(store=True)
    asking = way(request, at(request))
    assert asking.message.path == "/deployments/gpt-5.4"
    assert sent(asking) == {"messages": request.body["messages"]}
    assert asking.ignored == ("store",)


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.name)
def test_a_whole_answer_is_the_clients_as_it_is(spoken):
    told = WAY(asked(), at()).plain(Received(200, {}, spoken.whole))
    assert told.data == spoken.whole
    assert told.used.tokens == {"text_in": 15, "cached_in": 4, "text_out": 8, "reasoning_out": 2}


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b'{"error":{"code":429,"message":"slow"}}', UpstreamRateLimited, "rate_limit_exceeded"),
        (b'{"error":"no","choices":[{}]}', UpstreamError, "upstream_error"),
        (b'{"object":"chat.completion"}', UpstreamError, "upstream_empty_reply"),
        (b'{"choices":[]}', UpstreamError, "upstream_empty_reply"),
        (b'{"choices":null,"error":null}', UpstreamError, "upstream_empty_reply"),
        (b"<html>", UpstreamError, "upstream_invalid_reply"),
        (b"[1]", UpstreamError, "upstream_invalid_reply"),
        (b'{"choices":[{}', UpstreamError, "upstream_invalid_reply"),
        (b"", UpstreamError, "upstream_invalid_reply"),
    ],
)
def test_successes_that_are_none(body, kind, code):
    with pytest.raises(kind) as wrong:
        WAY(asked(), at()).plain(Received(200, {}, body))
    assert wrong.value.code == code


def test_what_is_never_streamed():
    request = asked(stream=True, input="words")
    asking = plain_only("/embeddings")(request, at(request))
    assert asking.relay is None
    assert "stream_options" not in sent(asking)
    told = asking.plain(Received(200, {}, b'{"data":[{"embedding":[1]}],"usage":{"prompt_tokens":3,"total_tokens":3}}'))
    assert told.used.tokens == {"text_in": 3}
    with pytest.raises(UpstreamError):
        asking.plain(Received(200, {}, b'{"data":[]}'))


def test_usage_that_is_not_told_is_unknown():
    assert answered(Received(200, {}, b'{"results":[1]}'), "results").used.tokens == {}


def test_members_as_their_bytes():
    assert bytes(raw_members(asked(n=1))["n"]) == b"1"


LONG = b'"choices":[{"index":0,"message":{"content":"Hello"}}]'


@pytest.mark.parametrize(
    "usage",
    [
        b"null",
        b'{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"queue_time":0.1}',
        b'{"prompt_tokens":9,"prompt_tokens_details":null,"completion_tokens_details":{"reasoning_tokens":2}}',
        b'{"prompt_tokens":9.0,"completion_tokens":3}',
        b'{"prompt_tokens":-9,"completion_tokens":true,"total_tokens":12}',
        b'{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":-1,"audio_tokens":"3"}}',
        b'{"prompt_tokens":100000000000000000000000}',
        b'"many"',
        b"[]",
        b'{"prompt_tokens":{},"input_tokens":4}',
    ],
)
@pytest.mark.parametrize("manner", [PLAIN, Manner(cost="cost")])
def test_odd_words_on_what_was_used_are_left_out_and_the_answer_stays(usage, manner):
    received = Received(200, {}, b'{"error":null,%s,"usage":%s}' % (LONG, usage))
    assert reading("choices", manner)(received) == answered(received, "choices", manner)
