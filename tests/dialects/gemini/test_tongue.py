import json

from tests.dialects.gemini.kit import OLD, PLACE, WEATHER, at, event, piece, sent, talk, user
from torana.core.exchange import EVENT_STREAM
from torana.dialects.gemini.tongue import tongue
from torana.families.language.saying import Said, fold
from torana.families.language.words import Sampling, Shape, Text

GEMINI = tongue(PLACE)


def test_a_request_is_whole() -> None:
    encoded = GEMINI.encode(talk(user("Hello"), tools=(WEATHER,), sampling=Sampling(temperature=0.5), user="ann"), at())
    message = encoded.message
    assert (message.method, message.path) == ("POST", "/models/gemini-3.5-flash:generateContent")
    assert dict(message.headers) == {"content-type": "application/json", "accept": "application/json"}
    assert sent(message) == {
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "weather",
                        "description": "Tells the weather.",
                        "parametersJsonSchema": dict(WEATHER.schema),
                    }
                ]
            }
        ],
        "generationConfig": {"temperature": 0.5},
    }
    assert (encoded.emulated, encoded.ignored) == ((), ("user",))


def test_a_stream_is_asked_for_by_its_path() -> None:
    message = GEMINI.encode(talk(stream=True), at()).message
    assert message.path == "/models/gemini-3.5-flash:streamGenerateContent?alt=sse"
    assert dict(message.headers)["accept"] == EVENT_STREAM
    assert "stream" not in sent(message)


def test_what_is_emulated_is_told() -> None:
    conversation = talk(tools=(WEATHER,), shape=Shape({"type": "object"}))
    assert GEMINI.encode(conversation, at(OLD)).emulated == ("structured_output",)


def test_it_reads_answers_whole_and_in_pieces() -> None:
    answer = piece({"text": "Hi"}, stop="STOP")
    expected = (Said((Text("Hi"),)),)
    assert GEMINI.decode(json.dumps(answer).encode(), talk()).answers == expected
    listener = GEMINI.listener(talk())
    assert fold(listener.hear(event(answer))).answers == expected
    assert not listener.ended
