import json

import pytest

from torana.core.errors import InvalidRequest
from torana.families.audio import SPEECH
from torana.families.audio.speech import SpeechRequest, read_speech


def asked(**members: object) -> SpeechRequest:
    return read_speech(json.dumps({"model": "m", "input": "Hello", "voice": "alloy", **members}).encode())


def test_a_request_is_read_and_what_is_not_known_is_kept():
    request = asked(voice={"id": "voice_1"}, odd=1)
    assert (request.operation, request.model, request.text, request.stream) == ("audio.speech", "m", "Hello", False)
    assert (request.body["voice"], request.body["odd"]) == ({"id": "voice_1"}, 1)
    assert SPEECH.ignored(request) == ()


@pytest.mark.parametrize(("wanted", "events"), [("sse", True), ("audio", False), (None, False)])
def test_events_come_where_they_are_asked_for(wanted, events):
    assert asked(stream_format=wanted).stream is events


def test_characters_are_counted_not_bytes():
    request = asked(input="Zoë \N{SLIGHTLY SMILING FACE}")
    assert request.characters == 5
    assert request.longest == 10


@pytest.mark.parametrize("text", [None, "", ["a"], 3])
def test_a_text_is_needed(text):
    with pytest.raises(InvalidRequest) as caught:
        asked(input=text)
    assert caught.value.param == "input"
