"""OpenAI's endpoints of sound, straight: a text's sound and a sound's words pass through as they come.

Source: OpenAI's API reference and the openai Python client 3.54.0; what is charged for is read on the side.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from torana.core.errors import UpstreamCut
from torana.core.exchange import EVENT_STREAM, Event, Message
from torana.dialects.multipart import sound_message
from torana.dialects.openai_language import fault_inside
from torana.dialects.steps import Received, unreadable
from torana.dialects.ways import Answered, Asking, At, Consumption, Way
from torana.families.audio.listening import JSON_FORMATS, TRANSCRIBE, TRANSLATE, SoundRequest
from torana.families.audio.speech import SPEAK, SpeechRequest
from torana.families.language.asked import frame

T = TypeVar("T")

_DONE = b"[DONE]"
_BYTES_OF_A_TOKEN = 4
_NO_WORDS = frozenset({"text/html", "application/octet-stream"})
_NO_SOUND = frozenset({"application/json", "text/html", "text/plain"})


class _Details(Struct):
    text_tokens: int | None = None
    audio_tokens: int | None = None


class _Usage(Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_token_details: _Details | None = None
    seconds: float | None = None


class _Words(Struct):
    text: str | None = None
    duration: Raw = Raw()
    usage: Raw = Raw()
    error: Any = None


class _Said(Struct):
    type: str = ""
    delta: str = ""
    usage: Raw = Raw()
    error: Any = None


def speech(request: SpeechRequest, at: At) -> Asking:
    """The way to a text's sound: in bytes, or in events where the client wants these."""
    body = msgspec.json.encode({**request.body, "model": at.model, **at.parameters})
    headers = (("content-type", "application/json"), ("accept", EVENT_STREAM if request.stream else "*/*"))
    spoken = Consumption(characters=request.characters)

    def plain(received: Received) -> Answered:
        # Sound where events were asked for: there are models that know none. Anything else is no answer.
        if not request.stream or _kind(received) in _NO_SOUND or not received.body:
            raise unreadable()
        return Answered(b"".join(_sound_events(received.body)), spoken, EVENT_STREAM)

    return Asking(
        Message("POST", "/audio/speech", headers, (body,)),
        plain,
        relay=(lambda: Passing("speech.audio.done", spoken, sound_comes_out=True)) if request.stream else None,
        raw=not request.stream,
        used=spoken,
    )


def transcriptions(request: SoundRequest, at: At) -> Asking:
    """The way to a sound's words."""
    return _listening(request, at, "/audio/transcriptions")


def translations(request: SoundRequest, at: At) -> Asking:
    """The way to a sound's words in English."""
    return _listening(request, at, "/audio/translations")


WAYS: Mapping[str, Way] = {SPEAK: speech, TRANSCRIBE: transcriptions, TRANSLATE: translations}
"""By the family's operation."""


def _listening(request: SoundRequest, at: At, path: str) -> Asking:
    known = request.sound.info.seconds
    heard = Consumption(seconds=None if known is None else _exact(known))

    def plain(received: Received) -> Answered:
        kind = received.headers.get("content-type", "application/json")
        if _kind(received) in _NO_WORDS:
            raise unreadable()
        if request.response_format not in JSON_FORMATS:
            return Answered(received.body, heard, kind)
        words = received.read(_Words)
        if words.text is None:
            raise fault_inside(words.error, received.headers) if words.error is not None else unreadable()
        used = _consumption(_beside(words.usage, _Usage), heard, duration=_beside(words.duration, object))
        if request.stream:
            # There are models that know no events.
            return Answered(b"".join(_word_events(received.body, words.text)), used, EVENT_STREAM)
        return Answered(received.body, used, kind)

    return Asking(
        sound_message(path, _fields(request, at), "file", request.sound),
        plain,
        relay=(lambda: Passing("transcript.text.done", heard)) if request.stream else None,
        used=heard,
    )


@dataclass(slots=True)
class Passing:
    """Passes events on as they are; what was used is in the one that says it is done."""

    done: str
    """The type of that event."""
    known: Consumption
    """What is known beforehand."""
    sound_comes_out: bool = False
    _used: Consumption | None = None
    _heard: int = 0
    _whole: bool = False
    ended: bool = field(default=False)
    """Whether the upstream has said all."""

    def take(self, event: Event) -> Iterable[bytes]:
        """The event as a frame; what an error among them means is raised."""
        if event.data == _DONE:
            self.ended = self._whole = True
        else:
            self._read(event)
        yield frame(event.data.replace(b"\n", b"\ndata: "), None if event.name == "message" else event.name)

    def close(self) -> Iterable[bytes]:
        """Nothing; UpstreamCut where the last event is missing."""
        if not self._whole:
            raise UpstreamCut("The upstream broke off its answer.")
        return ()

    @property
    def used(self) -> Consumption:
        """What the upstream says was used, an estimate until then."""
        if self._used is not None:
            return self._used
        words = {"text_out": self._heard // _BYTES_OF_A_TOKEN} if self._heard >= _BYTES_OF_A_TOKEN else {}
        return Consumption(words, characters=self.known.characters, seconds=self.known.seconds)

    def _read(self, event: Event) -> None:
        try:
            said = msgspec.json.decode(event.data, type=_Said)
        except (ValueError, RecursionError) as error:
            raise unreadable() from error
        if said.error is not None or said.type == "error":
            raise fault_inside(said.error or msgspec.json.decode(event.data))
        self._heard += len(said.delta.encode())
        if said.type == self.done:
            self._whole = True
            self._used = _consumption(_beside(said.usage, _Usage), self.known, sound_comes_out=self.sound_comes_out)


def _fields(request: SoundRequest, at: At) -> Iterator[tuple[str, object]]:
    """The client's fields in their order, with the model's name at the upstream, then the operator's own."""
    ours: Mapping[str, Any] = at.parameters
    for name, text in request.fields:
        if name not in ours:
            yield name, at.model if name == "model" else text
    yield from ours.items()


def _consumption(
    usage: _Usage | None, known: Consumption, *, duration: object = None, sound_comes_out: bool = False
) -> Consumption:
    tokens: dict[str, int] = {}
    seconds = known.seconds
    if usage is not None and usage.seconds is not None:
        seconds = _exact(usage.seconds)
    elif duration is not None:
        seconds = _exact(duration) or seconds
    if usage is not None and usage.input_tokens is not None:
        details = usage.input_token_details or _Details()
        told = 0 if sound_comes_out else usage.input_tokens - (details.text_tokens or 0)
        sound_in = told if details.audio_tokens is None else details.audio_tokens
        coming_out = "audio_out" if sound_comes_out else "text_out"
        counted = {
            "text_in": usage.input_tokens - sound_in,
            "audio_in": sound_in,
            coming_out: usage.output_tokens or 0,
        }
        tokens = {name: count for name, count in counted.items() if count > 0}
    return Consumption(tokens, characters=known.characters, seconds=seconds)


def _beside(written: Raw, kind: type[T]) -> T | None:
    """What stands beside an answer; told in a way of the upstream's own, it must not lose us the answer."""
    try:
        return msgspec.json.decode(written, type=kind)
    except ValueError:
        return None


def _exact(seconds: object) -> Decimal | None:
    """As a number that money can be reckoned with; None for what is none."""
    try:
        exact = Decimal(str(seconds))
    except ArithmeticError:
        return None
    return exact if exact.is_finite() and exact >= 0 else None


def _kind(received: Received) -> str:
    return received.headers.get("content-type", "").partition(";")[0].strip().lower()


def _word_events(body: bytes, text: str) -> Iterator[bytes]:
    """A whole answer as the events that would have said the same."""
    yield frame(msgspec.json.encode({"type": "transcript.text.delta", "delta": text}))
    yield frame(msgspec.json.encode({**msgspec.json.decode(body, type=dict[str, Any]), "type": "transcript.text.done"}))


def _sound_events(data: bytes) -> Iterator[bytes]:
    yield frame(msgspec.json.encode({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()}))
    yield frame(msgspec.json.encode({"type": "speech.audio.done"}))
