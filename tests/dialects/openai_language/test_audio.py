import asyncio
import base64
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.audio import Transcription, TranscriptionTextDoneEvent, TranscriptionVerbose

from tests.dialects.sent import json_of
from tests.families.audio.sounds import Recorded, wav
from torana.core.errors import ToranaError, UpstreamCut, UpstreamError, UpstreamRateLimited
from torana.core.exchange import EVENT_STREAM, Event
from torana.dialects.openai_language.audio import WAYS
from torana.dialects.steps import Received
from torana.dialects.ways import Asking, At, Consumption, Relay
from torana.families.audio import TRANSCRIPTIONS, TRANSLATIONS
from torana.families.audio.speech import read_speech
from torana.families.base import Form
from torana.families.language.voice import Occasion
from torana.upstream.framing import read_events

SOUND = Recorded(wav(2.0))
TOKENS = {
    "type": "tokens",
    "input_tokens": 14,
    "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
    "output_tokens": 45,
    "total_tokens": 59,
}
IN_TOKENS = {"text_in": 4, "audio_in": 10, "text_out": 45}


def at(request, parameters=()) -> At:
    return At("theirs", Occasion(request, 1, "x", "theirs"), dict(parameters))


def speaking(parameters=(), **members: object) -> Asking:
    request = read_speech(json.dumps({"model": "ours", "input": "Zoë!", "voice": "alloy", **members}).encode())
    return WAYS[request.operation](request, at(request, parameters))


def listening(*fields: tuple[str, str], family=TRANSCRIPTIONS, sound: Recorded = SOUND, parameters=()) -> Asking:
    request = family.read(Form((("odd[]", "a"), ("model", "ours"), ("odd[]", "b"), *fields), sounds=(("file", sound),)))
    return WAYS[request.operation](request, at(request, parameters))


def received(body: object, kind: str = "application/json") -> Received:
    return Received(200, {"content-type": kind}, body if isinstance(body, bytes) else json.dumps(body).encode())


def events(*told: object) -> bytes:
    return b"".join(b"data: %s\n\n" % json.dumps(each).encode() for each in told)


def passed(relay: Relay, sent: bytes, *places: int) -> bytes:
    """What the client gets of a stream that comes in pieces."""

    async def chunks() -> AsyncIterator[bytes]:
        edges = [0, *sorted(places), len(sent)]
        for start, end in pairwise(edges):
            yield sent[start:end]

    async def run() -> bytes:
        got = [frame async for event in read_events(chunks(), max_event=10**6) for frame in relay.take(event)]
        return b"".join([*got, *relay.close()])

    return asyncio.run(run())


# Speech


def test_a_text_goes_out_as_it_came_and_its_sound_comes_as_bytes():
    asking = speaking({"speed": 2}, speed=1, odd={"x": 1})
    assert json_of(asking.message) == {
        "model": "theirs", "input": "Zoë!", "voice": "alloy", "speed": 2, "odd": {"x": 1},
    }  # fmt: skip
    assert dict(asking.message.headers)["accept"] == "*/*"
    assert (asking.message.path, asking.raw, asking.relay) == ("/audio/speech", True, None)
    assert asking.used == Consumption(characters=4)
    with pytest.raises(UpstreamError):
        asking.plain(received({"error": "in the guise of a success"}))


def test_events_of_sound_pass_and_say_what_they_took():
    asking = speaking(stream_format="sse")
    usage = {"input_tokens": 9, "output_tokens": 70, "total_tokens": 79}
    sent = events(
        {"type": "speech.audio.delta", "audio": "AAAA", "odd": [1]}, {"type": "speech.audio.done", "usage": usage}
    )
    assert asking.relay is not None
    assert not asking.raw
    relay = asking.relay()
    assert passed(relay, sent) == sent
    assert relay.used == Consumption({"text_in": 9, "audio_out": 70}, characters=4)


def test_a_sound_that_comes_whole_is_told_as_events():
    answered = speaking(stream_format="sse").plain(received(b"\xff\xfb sound", "audio/mpeg"))
    delta, done = [json.loads(line.removeprefix(b"data: ")) for line in answered.data.strip().split(b"\n\n")]
    assert base64.b64decode(delta["audio"]) == b"\xff\xfb sound"
    assert (delta["type"], done["type"]) == ("speech.audio.delta", "speech.audio.done")
    assert (answered.media_type, answered.used.characters) == (EVENT_STREAM, 4)


# Transcriptions and translations


@pytest.mark.parametrize("family", [TRANSCRIPTIONS, TRANSLATIONS], ids=lambda family: family.operation)
def test_a_form_goes_out_as_it_came_its_sound_as_a_stream(family):
    message = listening(("n", "1"), ("keep", "2"), family=family, parameters={"n": 3, "new": True}).message
    assert message.path == family.path
    assert any(part is SOUND for part in message.body)
    text = b"".join(part for part in message.body if isinstance(part, bytes)).decode()
    parts = [part.split("\r\n\r\n") for part in text.split("--torana-")[1:-1]]
    names = [(head.partition('name="')[2].partition('"')[0], body.removesuffix("\r\n")) for head, body in parts]
    assert names == [
        ("odd[]", "a"), ("model", "theirs"), ("odd[]", "b"), ("keep", "2"), ("n", "3"), ("new", "true"), ("file", ""),
    ]  # fmt: skip
    assert 'filename="audio.wav"\r\nContent-Type: audio/wav' in text


def test_words_pass_untouched_with_what_they_took():
    body = json.dumps({"text": "Hello", "usage": TOKENS, "odd": {"x": 1}}, indent=1).encode()
    answered = listening().plain(received(body, "application/json; charset=utf-8"))
    assert (answered.data, answered.media_type) == (body, "application/json; charset=utf-8")
    assert answered.used == Consumption(IN_TOKENS, seconds=Decimal("2.0"))
    assert Transcription.model_validate_json(answered.data).text == "Hello"


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({"usage": {"type": "duration", "seconds": 3}}, "3.0"),
        ({"duration": 8.47}, "8.47"),
        ({"duration": "8.47"}, "8.47"),
        ({"duration": "long", "usage": "odd"}, "2.0"),
        ({"usage": {"type": "duration", "seconds": 7}, "duration": 6.5}, "7.0"),
        ({"usage": None}, "2.0"),
    ],
)
def test_how_long_it_was_is_the_upstream_s_word_or_else_the_sound_s_own(more, seconds):
    body = {"task": "transcribe", "language": "english", "duration": 1.5, "text": "Hello"} | {"duration": None} | more
    answered = listening(("response_format", "verbose_json")).plain(received(body))
    assert answered.used == Consumption(seconds=Decimal(seconds))


def test_nobody_knows_how_long_a_sound_is_that_does_not_say():
    assert listening(sound=Recorded(b"ID3sound")).plain(received({"text": "a"})).used == Consumption()


def test_the_official_client_reads_a_verbose_answer():
    body = {"task": "transcribe", "language": "english", "duration": 8.5, "text": "Hello", "words": [], "segments": []}
    data = listening(("response_format", "verbose_json")).plain(received(body)).data
    assert TranscriptionVerbose.model_validate_json(data).duration == 8.5


@pytest.mark.parametrize(
    ("wanted", "kind"), [("text", "text/plain; charset=utf-8"), ("srt", "text/plain"), ("vtt", "text/vtt")]
)
def test_words_that_are_no_json_pass_with_their_media_type(wanted, kind):
    answered = listening(("response_format", wanted)).plain(received("1\n00:00 é".encode(), kind))
    assert (answered.data, answered.media_type) == ("1\n00:00 é".encode(), kind)
    assert answered.used.seconds == 2


@pytest.mark.parametrize(
    ("wanted", "body", "kind"),
    [
        ("json", b"not json", "application/json"),
        ("json", b"[]", "application/json"),
        ("json", b"<html>", "text/html"),
        ("text", b"<html>", "text/html; charset=utf-8"),
        ("json", b"{", "application/octet-stream"),
    ],
)
def test_what_are_no_words_is_the_upstream_s_fault(wanted, body, kind):
    with pytest.raises(UpstreamError):
        listening(("response_format", wanted)).plain(received(body, kind))


@pytest.mark.parametrize(
    ("body", "kind"), [({"error": {"type": "rate_limit_error"}}, UpstreamRateLimited), ({}, UpstreamError)]
)
def test_an_error_in_the_guise_of_words_is_one(body, kind):
    with pytest.raises(kind):
        listening().plain(received(body))


DELTAS: list[dict[str, object]] = [
    {"type": "transcript.text.delta", "delta": text, "logprobs": [], "odd": 1} for text in ("Hel", "lo wor", "ld")
]
STREAM = events(*DELTAS, {"type": "transcript.text.done", "text": "Hello world", "usage": TOKENS})


@settings(max_examples=60)
@given(st.lists(st.integers(0, len(STREAM)), max_size=4))
def test_events_pass_untouched_wherever_they_are_cut(places):
    relay = listening(("stream", "true")).relay
    assert relay is not None
    told = relay()
    assert passed(told, STREAM, *places) == STREAM
    assert told.used == Consumption(IN_TOKENS, seconds=Decimal("2.0"))


def test_names_of_events_and_lines_of_their_data_survive():
    sent = b'event: transcript.text.done\ndata: {"type":\ndata: "transcript.text.done"}\n\ndata: [DONE]\n\n'
    relay = listening(("stream", "true")).relay
    assert relay is not None
    told = relay()
    assert passed(told, sent) == sent
    assert told.ended


def test_what_was_used_is_estimated_until_it_is_told():
    relay = listening(("stream", "true")).relay
    assert relay is not None
    told = relay()
    assert told.used == Consumption(seconds=Decimal("2.0"))
    for delta in DELTAS:
        list(told.take(Event("message", json.dumps(delta).encode())))
    assert told.used == Consumption({"text_out": 2}, seconds=Decimal("2.0"))
    assert not told.ended
    with pytest.raises(UpstreamCut):
        list(told.close())


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"error": {"message": "slow down", "type": "rate_limit_error", "code": None}}, UpstreamRateLimited),
        ({"type": "error", "error": {"message": "no", "type": "server_error"}}, UpstreamError),
        ({"type": "error", "message": "no", "code": "server_error"}, UpstreamError),
        (7, UpstreamError),
    ],
)
def test_an_error_among_the_events_is_one(data, kind):
    relay = listening(("stream", "true")).relay
    assert relay is not None
    with pytest.raises(ToranaError) as caught:
        passed(relay(), events(DELTAS[0], data))
    assert isinstance(caught.value, kind)


def test_words_that_come_whole_are_told_as_events():
    answered = listening(("stream", "true")).plain(received({"text": "Hello", "usage": TOKENS, "odd": 1}))
    delta, done = [json.loads(line.removeprefix(b"data: ")) for line in answered.data.strip().split(b"\n\n")]
    assert delta == {"type": "transcript.text.delta", "delta": "Hello"}
    assert done == {"type": "transcript.text.done", "text": "Hello", "usage": TOKENS, "odd": 1}
    assert TranscriptionTextDoneEvent.model_validate(done).usage is not None
    assert (answered.media_type, answered.used.tokens) == (EVENT_STREAM, IN_TOKENS)
