"""``POST /audio/speech``: a text in, its sound out as it comes.

Shapes: OpenAI's ``CreateSpeechRequest``; its events are ``speech.audio.delta`` and ``speech.audio.done``.
"""

from torana.core.errors import InvalidRequest
from torana.core.exchange import EVENT_STREAM
from torana.families.base import Family, Field
from torana.families.language.asked import LanguageRequest, Spoken, read_request, write_spoken

SPEAK = "audio.speech"
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
_TOKENS_OF_A_CHARACTER = 2
"""At most, of sound: some twenty make a second, in which fifteen characters are spoken."""


class SpeechRequest(LanguageRequest, frozen=True):
    """A text that is to be spoken. ``stream`` is whether its sound is to come as events; else it comes as bytes."""

    @property
    def text(self) -> str:
        """What is to be spoken."""
        return str(self.body["input"])

    @property
    def characters(self) -> int:
        """Of the text."""
        return len(self.text)

    @property
    def longest(self) -> int | None:
        """Tokens of sound that may come out."""
        return self.characters * _TOKENS_OF_A_CHARACTER


def read_speech(raw: bytes) -> SpeechRequest:
    """The request of a body; InvalidRequest names what is wrong."""
    read = read_request(SPEAK, raw, "input")
    text = read.body["input"]
    if not isinstance(text, str) or not text:
        raise InvalidRequest("'input' must be a text that is not empty.", param="input", code="invalid_type")
    return SpeechRequest(SPEAK, read.model, read.body, raw, read.body.get("stream_format") == "sse")


SPEECH: Family[SpeechRequest, Spoken] = Family(
    operation=SPEAK,
    method="POST",
    path="/audio/speech",
    tag="Audio",
    summary="Create Speech",
    description="Speaks a text. The sound comes while it is made.",
    takes="The text, a voice and options.",
    gives="The sound, in bytes; as events where `stream_format` is `sse`.",
    json_fields=(
        Field("model", {"type": "string", "maxLength": 256}, "The model to use.", required=True),
        Field("input", {"type": "string", "minLength": 1}, "The text to speak.", required=True),
        Field(
            "voice",
            {"anyOf": [{"type": "string"}, {"type": "object"}]},
            "The voice to speak with, by its name; or an object with the `id` of one of your own.",
        ),
        Field("instructions", {"type": "string"}, "How to speak, in words, where the model heeds them."),
        Field(
            "response_format",
            {"type": "string", "default": FORMATS[0]},
            f"The format of the sound: {', '.join(FORMATS)}, or what else the upstream has.",
        ),
        Field("speed", {"type": "number", "default": 1}, "How fast to speak: 1 is as usual."),
        Field(
            "stream_format",
            {"type": "string", "enum": ["audio", "sse"], "default": "audio"},
            "Whether the sound comes as bytes or as events.",
        ),
    ),
    reply_schema={},
    media_types=("audio/*", EVENT_STREAM),
    parse=read_speech,
    ignored=lambda _: (),
    write=write_spoken,
)
