import base64
import json
from typing import Any

import pytest

from tests.dialects.bedrock.converse import checked
from tests.dialects.sent import json_of
from torana.core.errors import UpstreamError, UpstreamRateLimited
from torana.core.exchange import Event
from torana.dialects.bedrock import CLAUDE, claude_count, claude_messages
from torana.dialects.bedrock.claude import unwrapped
from torana.dialects.steps import Received
from torana.dialects.ways import Asking, At
from torana.families.language.asked import LanguageRequest, read_request
from torana.families.language.saying import Said, Tokens, fold
from torana.families.language.voice import Occasion
from torana.families.language.words import Conversation, Sampling, Text, Turn

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PATH = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0"
EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 3},
    },
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 5}},
]  # fmt: skip


def at(request: LanguageRequest, *forwarded: tuple[str, str]) -> At:
    return At(MODEL, Occasion(request, 0, "id0", MODEL), forwarded=forwarded)


def straight(*forwarded: tuple[str, str], **members: object) -> Asking:
    body = {"model": "mine", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], **members}
    request = read_request("messages", json.dumps(body).encode())
    return claude_messages(request, at(request, *forwarded))


def wrapped(told: object) -> Event:
    return Event(
        "chunk", json.dumps({"bytes": base64.b64encode(json.dumps(told).encode()).decode(), "p": "abc"}).encode()
    )


def test_a_request_passes_through_but_for_what_bedrock_says_otherwise() -> None:
    asking = straight(("anthropic-version", "2023-06-01"), ("anthropic-beta", "a,b"), novelty=[1])
    assert asking.message.path == f"{PATH}/invoke"
    assert json_of(asking.message) == {
        "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], "novelty": [1],
        "anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["a", "b"],
    }  # fmt: skip
    assert {"anthropic-version", "anthropic-beta"}.isdisjoint(dict(asking.message.headers))
    reply = json.dumps({**EVENTS[0]["message"], "stop_reason": "end_turn"}).encode()
    assert asking.plain(Received(200, {}, reply)).data == reply


def test_events_come_unwrapped() -> None:
    asking = straight(stream=True)
    assert asking.message.path == f"{PATH}/invoke-with-response-stream"
    assert "stream" not in json_of(asking.message)
    assert dict(asking.message.headers)["accept"] == "application/vnd.amazon.eventstream"
    assert asking.relay is not None
    relay = asking.relay()
    told = b"".join(frame for event in EVENTS for frame in relay.take(wrapped(event)))
    told += b"".join(relay.close())
    frames = [frame.partition(b"\ndata: ") for frame in told.split(b"\n\n") if frame]
    assert [json.loads(data) for _, _, data in frames] == EVENTS
    assert [name.removeprefix(b"event: ").decode() for name, _, _ in frames] == [event["type"] for event in EVENTS]
    assert (relay.ended, dict(relay.used.tokens)) == (True, {"text_in": 5, "text_out": 3})


def test_other_families_reach_it_too() -> None:
    conversation = Conversation((Turn("user", (Text("Hi"),)),), sampling=Sampling(max_tokens=9), stream=True)
    request = LanguageRequest("chat.completions", "m", {}, b"{}")
    encoded = CLAUDE.encode(conversation, at(request))
    assert encoded.message.path == f"{PATH}/invoke-with-response-stream"
    body = json_of(encoded.message)
    assert (body["anthropic_version"], "model" in body, "stream" in body) == ("bedrock-2023-05-31", False, False)
    listener = CLAUDE.listener(conversation)
    utterance = fold(each for event in EVENTS for each in listener.hear(wrapped(event)))
    assert utterance.answers == (Said((Text("Hello"),)),)
    assert (utterance.id, utterance.tokens, listener.ended) == ("msg_1", Tokens(text_in=5, text_out=3), True)


def test_tokens_are_counted_of_the_model_itself() -> None:
    body = json.dumps({"model": "mine", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    request = read_request("messages.count_tokens", body)
    asking = claude_count(request, at(request))
    assert asking.message.path == "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens"
    asked = json_of(asking.message)
    checked(asked, "CountTokens")
    assert json.loads(base64.b64decode(asked["input"]["invokeModel"]["body"])) == {
        "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}], "anthropic_version": "bedrock-2023-05-31",
    }  # fmt: skip
    assert json.loads(asking.plain(Received(200, {}, b'{"inputTokens": 9}')).data) == {"input_tokens": 9}
    with pytest.raises(UpstreamError):
        asking.plain(Received(200, {}, b"{}"))


def test_an_exception_ends_it() -> None:
    error = Event("throttlingException", b'{"message": "Slow."}')
    relay = straight(stream=True).relay
    assert relay is not None
    with pytest.raises(UpstreamRateLimited):
        relay().take(error)
    with pytest.raises(UpstreamRateLimited):
        CLAUDE.listener(Conversation(())).hear(error)


@pytest.mark.parametrize("data", [b"", b"{}", b'{"bytes": 5}', b'{"bytes": "?"}', b'{"bytes": "QQ=="}', b"[" * 5000])
def test_a_wrapping_that_makes_no_sense_is_the_upstreams_fault(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        unwrapped(Event("chunk", data))


def test_what_is_no_chunk_is_passed_over() -> None:
    assert unwrapped(Event("news", b"{}")) is None
    assert list(CLAUDE.listener(Conversation(())).hear(Event("news", b"{}"))) == []
