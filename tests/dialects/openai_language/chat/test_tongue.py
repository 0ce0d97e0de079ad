import json

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.dialects.openai_language.spoken import SPOKEN, asked, at, body
from torana.core.errors import UpstreamCut, UpstreamError, UpstreamRateLimited
from torana.core.exchange import Event
from torana.dialects.openai_language import Manner, tongue
from torana.dialects.openai_language.chat.tongue import decode
from torana.dialects.steps import Received
from torana.dialects.translated import translated
from torana.families.language.chat import VOICE
from torana.families.language.chat.folding import chunks, fold
from torana.families.language.words import Conversation, Sampling, Text, Turn

HI = Conversation((Turn("user", (Text("Hi"),)),))
WAY = translated(VOICE, tongue())


def test_asking():
    manner = Manner(renamed={"max_completion_tokens": "max_tokens"}, ignored=frozenset({"seed"}))
    asking = Conversation(HI.turns, sampling=Sampling(max_tokens=5, seed=1), stream=True)
    encoded = tongue("/v1/chat", manner).encode(asking, at(parameters={"reasoning_format": "raw"}))
    assert encoded.message.path == "/v1/chat"
    assert json.loads(body(encoded.message)) == {
        "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5, "stream": True, "model": "gpt-5.4",
        "stream_options": {"include_usage": True}, "reasoning_format": "raw",
    }  # fmt: skip
    assert encoded.ignored == ("seed",)


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.name)
def test_the_way_round_tells_what_the_straight_way_does(spoken):
    whole = json.loads(WAY(asked(), at()).plain(Received(200, {}, spoken.whole)).data)
    ChatCompletion.model_validate(whole)
    named = {"reasoning", "thinking_blocks", "reasoning_content"}
    for told, was in zip(whole["choices"], spoken.choices, strict=True):
        assert {k: v for k, v in told["message"].items() if k not in named} == {
            k: v for k, v in was["message"].items() if k not in named
        }
        assert (told["finish_reason"], told["logprobs"]) == (was["finish_reason"], was["logprobs"])
    assert {name: whole["usage"][name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")} == {
        name: spoken.usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    }


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.name)
def test_as_it_comes_it_is_the_same(spoken):
    request = asked(stream=True, stream_options={"include_usage": True})
    asking = WAY(request, at(request))
    assert asking.relay is not None
    relay = asking.relay()
    told = [b"".join(relay.take(event)) for event in spoken.events] + [b"".join(relay.close())]
    for chunk in chunks(told):
        ChatCompletionChunk.model_validate(chunk)
    whole = asking.plain(Received(200, {}, spoken.whole))
    assert json.loads(fold(request, told).data) == json.loads(whole.data)
    assert relay.used == whole.used


def test_a_stream_that_breaks_off():
    request = asked(stream=True)
    make = WAY(request, at(request)).relay
    assert make is not None
    relay = make()
    assert b"".join(relay.take(SPOKEN[0].events[1]))
    with pytest.raises(UpstreamCut):
        list(relay.close())


def test_nothing_is_told_before_the_first_words():
    request = asked(stream=True)
    make = WAY(request, at(request)).relay
    assert make is not None
    relay = make()
    assert not b"".join(relay.take(SPOKEN[0].events[0]))
    with pytest.raises(UpstreamError):
        list(relay.take(Event("message", b'{"error":{"message":"no"}}')))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error":{"code":429,"message":"slow"},"choices":7}', UpstreamRateLimited),
        (b'{"choices":[]}', UpstreamError),
        (b'{"choices":[{"message":{"tool_calls":"?"}}]}', UpstreamError),
        (b"{}", UpstreamError),
        (b"no", UpstreamError),
    ],
)
def test_answers_that_are_none(body, kind):
    with pytest.raises(kind):
        decode(body, HI)


def test_answers_are_in_their_order():
    choices = [{"index": index, "message": {"content": str(index)}} for index in (1, 0)]
    told = decode(json.dumps({"choices": choices}).encode(), HI)
    assert [said.parts for said in told.answers] == [(Text("0"),), (Text("1"),)]


def test_a_message_that_is_not_there_says_nothing():
    assert decode(b'{"choices":[{"finish_reason":null}]}', HI).answers[0].parts == ()
