import json
from typing import Any

import pytest

from tests.dialects.anthropic.spoken import STREAM, event, heard
from tests.dialects.sent import json_of
from tests.families.language.messages.said import MESSAGE, occasion, request
from torana.core.errors import InvalidRequest, UpstreamCut, UpstreamError
from torana.core.exchange import Event
from torana.dialects.anthropic import COUNTING, DIRECT
from torana.dialects.anthropic.straight import counting, straight
from torana.dialects.steps import Received
from torana.dialects.ways import Asking, At, Relay

TOKENS = {"text_in": 10, "cached_in": 4, "cache_write_in": 3, "text_out": 30, "reasoning_out": 20}
ODD = {"thinking": {"type": "between_tools"}, "of_tomorrow": {"a": [None, 1.5]}}
START = event("message_start", message=MESSAGE | {"content": [], "usage": {"input_tokens": 9, "output_tokens": 1}})
PING, STOP = event("ping"), event("message_stop")
BLOCK = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
OVERLOADED = event("error", error={"type": "overloaded_error", "message": "Overloaded"})


def ask(*, stream: bool = False) -> Asking:
    asked = request(stream=stream, **ODD)
    return straight(DIRECT)(asked, At("claude-x", occasion(), forwarded=(("anthropic-beta", "b-1"),)))


def relay() -> Relay:
    made = ask(stream=True).relay
    assert made is not None
    return made()


def taken(passing: Relay, *events: Event) -> bytes:
    return b"".join(frame for each in events for frame in passing.take(each))


def delta(text: str) -> Event:
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def test_a_request_goes_as_it_came_but_for_the_models_name() -> None:
    asking = ask()
    assert json_of(asking.message) == dict(request(stream=False, **ODD).body) | {"model": "claude-x"}
    assert dict(asking.message.headers)["anthropic-beta"] == "b-1"
    assert asking.relay is None
    assert (asking.emulated, asking.ignored) == ((), ())


def test_an_answer_comes_as_it_was() -> None:
    data = json.dumps(MESSAGE | {"of_tomorrow": 1}).encode()
    answered = ask().plain(Received(200, {}, data))
    assert (answered.data, answered.used.tokens) == (data, TOKENS)


@pytest.mark.parametrize("data", [b"<html>", b"{}", b'{"type": "error", "error": {}}', b'{"content": "words"}'])
def test_an_answer_that_is_none(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        ask().plain(Received(200, {}, data))


async def test_a_stream_passes_as_it_is_wherever_it_is_cut() -> None:
    for cut in range(0, len(STREAM) + 1, 7):
        passing = relay()
        assert taken(passing, *await heard(STREAM, cut=cut)) == STREAM
        assert list(passing.close()) == []
        assert (passing.ended, passing.used.tokens) == (True, TOKENS)


def test_nothing_is_told_before_there_is_content() -> None:
    passing = relay()
    assert taken(passing, START, PING, event("of_tomorrow")) == b""
    told = taken(passing, BLOCK, PING)
    kinds = [line for line in told.split(b"\n") if line.startswith(b"event: ")]
    assert kinds == [b"event: message_start", b"event: of_tomorrow", b"event: content_block_start", b"event: ping"]


@pytest.mark.parametrize("before", [(), (START,), (START, PING), (START, BLOCK)])
def test_an_upstream_that_is_overloaded_says_so_amid_its_answer(before: tuple[Any, ...]) -> None:
    passing = relay()
    taken(passing, *before)
    with pytest.raises(UpstreamError) as caught:
        taken(passing, OVERLOADED)
    assert caught.value.upstream_status == 529


def test_a_request_that_is_found_wrong_amid_the_answer() -> None:
    with pytest.raises(InvalidRequest):
        taken(relay(), event("error", error={"type": "invalid_request_error", "message": "No."}))


@pytest.mark.parametrize("events", [(), (START,), (START, BLOCK, delta("x"))])
def test_a_stream_that_breaks_off(events: tuple[Event, ...]) -> None:
    passing = relay()
    taken(passing, *events)
    assert not passing.ended
    with pytest.raises(UpstreamCut):
        list(passing.close())


def test_an_answer_of_no_words_is_one() -> None:
    passing = relay()
    end = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2})
    assert taken(passing, START, end, STOP).count(b"event: ") == 3
    assert passing.used.tokens == {"text_in": 9, "text_out": 2}


def test_what_was_used_so_far_is_an_estimate() -> None:
    passing = relay()
    length = len(request(stream=True, **ODD).raw)
    assert passing.used.tokens == {"text_in": length // 4}
    taken(passing, START, BLOCK, delta("ü" * 200))
    assert passing.used.tokens == {"text_in": 9, "text_out": 100}


def test_data_of_several_lines_and_events_without_a_name() -> None:
    data = b'{"type": "content_block_start",\n"content_block": {"type": "text"}}'
    framed = (
        b'event: content_block_start\ndata: {"type": "content_block_start",\ndata: "content_block": {"type": "text"}}'
    )
    assert taken(relay(), Event("message", data)) == framed + b"\n\n"


def test_counting() -> None:
    asking = counting(COUNTING)(request(), At("claude-x", occasion()))
    assert (asking.message.path, asking.relay) == ("/v1/messages/count_tokens", None)
    answered = asking.plain(Received(200, {}, b'{"input_tokens": 5, "more": 1}'))
    assert (answered.data, answered.used.tokens) == (b'{"input_tokens": 5, "more": 1}', {})
    for data in (b"", b"{}", b'{"input_tokens": "5"}'):
        with pytest.raises(UpstreamError):
            asking.plain(Received(200, {}, data))
