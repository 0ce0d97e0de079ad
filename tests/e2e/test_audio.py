"""The official Python client has texts spoken and sounds written down; both pass as they come."""

import io
import json
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR
from threading import Event, Thread
from typing import Any

import pytest
from multipart import parse_form_data  # type: ignore[import-untyped]
from openai import APIError, BadRequestError, OpenAI

from tests.e2e.gateway import Gateway, serve, token

SECONDS = 30.0
TOKENS = {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59}


def wav(seconds: float = 1.6) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(16_000)
        written.writeframes(bytes(range(256)) * round(125 * seconds))
    return file.getvalue()


@dataclass
class Upstream:
    """What it was asked, where it answers, and whether it may go on."""

    url: str = ""
    asked: list[Any] = field(default_factory=list)
    sounds: list[tuple[str, str, bytes]] = field(default_factory=list)
    go_on: Event = field(default_factory=Event)
    finished: bool = False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: Upstream

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/audio/speech":
            self.told.asked.append(json.loads(body))
            self.speak(self.told.asked[-1])
            return
        environ = {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": self.headers["content-type"],
            "wsgi.input": io.BytesIO(body),
        }
        fields, files = parse_form_data(environ)
        self.told.asked.append(list(fields.iterallitems()))
        sound = files["file"]
        self.told.sounds.append((sound.filename, sound.content_type, sound.raw))
        sound.close()
        self.write_down(fields)

    def speak(self, asked: dict[str, Any]) -> None:
        if asked["input"] == "refuse":
            self.say(400, json.dumps({"error": {"message": "no such voice", "type": "x", "param": "voice"}}).encode())
            return
        events = asked.get("stream_format") == "sse"
        self.begin("text/event-stream" if events else "audio/mpeg")
        if events:
            self.chunk(b'data: {"type":"speech.audio.delta","audio":"AAAA"}\n\n')
            self.chunk(b'data: {"type":"speech.audio.done","usage":{"input_tokens":3,"output_tokens":9}}\n\n')
        else:
            self.chunk(b"first")
            if asked["input"] == "cut":
                self.connection.shutdown(SHUT_RDWR)
                return
            assert self.told.go_on.wait(SECONDS)
            self.told.finished = True
            self.chunk(b"second")
        self.wfile.write(b"0\r\n\r\n")

    def write_down(self, fields: Any) -> None:
        if fields.get("stream") == "true":
            self.begin("text/event-stream; charset=utf-8")
            for word in ("Hello ", "world"):
                self.chunk(b"data: %s\n\n" % json.dumps({"type": "transcript.text.delta", "delta": word}).encode())
            done = {"type": "transcript.text.done", "text": "Hello world", "usage": TOKENS}
            self.chunk(b"data: %s\n\n" % json.dumps(done).encode())
            self.wfile.write(b"0\r\n\r\n")
        elif fields.get("response_format") == "srt":
            self.say(200, b"1\n00:00:00,000 --> 00:00:01,500\nHello\n", "text/plain; charset=utf-8")
        elif fields.get("response_format") == "verbose_json":
            words = [{"word": "Hello", "start": 0.0, "end": 0.5}]
            told = {"task": "transcribe", "language": "english", "duration": 1.5, "text": "Hello", "words": words}
            self.say(200, json.dumps(told).encode())
        else:
            self.say(200, json.dumps({"text": "Hello", "usage": TOKENS}).encode())

    def begin(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def say(self, status: int, reply: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    told = Upstream()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Telling", (Handler,), {"told": told}))
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    Thread(target=server.serve_forever, daemon=True).start()
    yield told
    told.go_on.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def sounding(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    config = f"""\
providers:
  lab:
    type: openai
    base_url: "{upstream.url}"
    api_key: {{env: LAB_KEY}}
    models: [tts, stt]
    prices:
      tts: {{dated: "2026-11-22", source: "a test", per_million_characters: "15"}}
      stt: {{dated: "2026-11-22", source: "a test", per_minute: "0.006"}}
models:
  speak: {{targets: [{{target: lab/tts}}]}}
  listen: {{targets: [{{target: lab/stt}}]}}
"""
    with serve(tmp_path_factory.mktemp("sounding"), config, {"LAB_KEY": "key"}) as running:
        yield running


@pytest.fixture
def client(sounding: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{sounding.url}/v1", api_key=token(), max_retries=0, timeout=SECONDS) as opened:
        yield opened


def test_a_sound_is_heard_before_all_of_it_is_made(client: OpenAI, upstream: Upstream) -> None:
    speaking = client.audio.speech.with_streaming_response.create(
        model="speak", input="Hello", voice="alloy", response_format="mp3", extra_body={"odd": 1}
    )
    with speaking as response:
        assert (response.status_code, response.headers["content-type"]) == (200, "audio/mpeg")
        pieces = response.iter_bytes()
        assert next(pieces) == b"first"
        assert not upstream.finished
        upstream.go_on.set()
        assert b"".join(pieces) == b"second"
    assert upstream.asked[-1] == {
        "model": "tts", "input": "Hello", "voice": "alloy", "response_format": "mp3", "odd": 1,
    }  # fmt: skip


def test_a_sound_may_come_as_events(client: OpenAI) -> None:
    speaking = client.audio.speech.with_streaming_response.create(
        model="speak", input="Hello", voice="alloy", stream_format="sse"
    )
    with speaking as response:
        assert response.headers["content-type"] == "text/event-stream"
        told = [json.loads(line.removeprefix("data: ")) for line in response.iter_lines() if line]
    assert [event["type"] for event in told] == ["speech.audio.delta", "speech.audio.done"]


def test_a_sound_that_breaks_off_is_not_whole(client: OpenAI) -> None:
    with (
        client.audio.speech.with_streaming_response.create(model="speak", input="cut", voice="alloy") as response,
        pytest.raises(Exception, match=r"(?i)incomplete|closed|chunked"),
    ):
        response.read()


def test_what_an_upstream_refuses_is_refused(client: OpenAI) -> None:
    with pytest.raises(APIError) as caught:
        client.audio.speech.create(model="speak", input="refuse", voice="none")
    assert caught.value.body is not None


def test_a_sound_is_written_down(client: OpenAI, upstream: Upstream) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(
        model="listen", file=("talk.wav", wav()), language="en", include=["logprobs"]
    )
    told: Any = raw.parse()
    assert (told.text, told.usage.type, told.usage.output_tokens) == ("Hello", "tokens", 45)
    assert upstream.sounds[-1] == ("audio.wav", "audio/wav", wav())
    assert sorted(upstream.asked[-1]) == [("include[]", "logprobs"), ("language", "en"), ("model", "stt")]
    assert (raw.headers["content-type"], raw.headers["x-torana-cost"]) == ("application/json", "0.00016")


def test_times_are_told_where_they_are_asked_for(client: OpenAI, upstream: Upstream) -> None:
    told = client.audio.transcriptions.create(
        model="listen",
        file=("talk.wav", wav()),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert told.words is not None
    assert (told.duration, told.words[0].word) == (1.5, "Hello")
    wanted = [value for name, value in upstream.asked[-1] if name == "timestamp_granularities[]"]
    assert wanted == ["word", "segment"]


def test_words_may_come_as_subtitles(client: OpenAI) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(
        model="listen", file=("talk.wav", wav()), response_format="srt"
    )
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"
    assert raw.text.startswith("1\n00:00:00,000")


def test_words_may_come_one_by_one(client: OpenAI) -> None:
    told = list(client.audio.transcriptions.create(model="listen", file=("talk.wav", wav()), stream=True))
    assert [event.type for event in told] == [*["transcript.text.delta"] * 2, "transcript.text.done"]
    last: Any = told[-1]
    assert (last.text, last.usage.input_tokens) == ("Hello world", 14)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_large_sound_passes_through_the_disk(client: OpenAI, upstream: Upstream) -> None:
    data = wav(90)
    told = client.audio.translations.create(model="listen", file=("talk.wav", data))
    assert told.text == "Hello"
    assert upstream.sounds[-1] == ("audio.wav", "audio/wav", data)


def test_a_picture_is_no_sound(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.audio.transcriptions.create(model="listen", file=("talk.wav", b"\x89PNG\r\n\x1a\n" + bytes(99)))
    assert (caught.value.param, caught.value.code) == ("file", "invalid_file_format")
