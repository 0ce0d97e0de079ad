"""``POST /audio/transcriptions`` and ``/audio/translations``: a sound in, its words out, as spoken or in English.

Shapes: OpenAI's ``CreateTranscriptionRequest`` and ``CreateTranslationRequest``. The fields of a form go to upstreams
of OpenAI's dialect as they came, those that we do not know too.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

from torana.core.content import File, Recording
from torana.core.errors import InvalidRequest
from torana.core.exchange import EVENT_STREAM
from torana.families.base import Family, Field, Form
from torana.families.language.asked import LanguageRequest, Spoken, write_spoken

TRANSCRIBE, TRANSLATE = "audio.transcriptions", "audio.translations"
JSON_FORMATS = frozenset({"json", "verbose_json", "diarized_json"})
_FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
_MAX_MODEL = 256
_BYTES_A_SECOND, _FEWEST_BYTES_A_SECOND = 16_000, 750
"""Of a sound that does not say how long it is: the usual, and those of speech at the lowest rate that is in use."""
_TOKENS_A_SECOND = 20
"""At most, of what is heard and of what is written."""


class SoundRequest(LanguageRequest, frozen=True, kw_only=True):
    """A sound that is to be written down. ``body`` holds the form's texts, of several of one name the last."""

    fields: tuple[tuple[str, str], ...]
    """The form's texts as they came: bracketed names are as they were written."""
    sound: Recording

    @property
    def parts(self) -> tuple[bytes | File, ...]:  # type: ignore[override]
        """All that makes two requests the same."""
        return self.operation.encode(), repr(self.fields).encode(), self.sound

    @property
    def response_format(self) -> str:
        """The form that the words are to have."""
        return str(self.body.get("response_format") or _FORMATS[0])

    @property
    def seconds(self) -> float | None:
        """How long the sound is at most."""
        known = self.sound.info.seconds
        return self.sound.size / _FEWEST_BYTES_A_SECOND if known is None else known

    @property
    def length(self) -> int:
        """Tokens that go in at most: a text has no more of them than bytes, a sound some of each second."""
        return sum(len(text.encode()) for _, text in self.fields) + self._most_tokens

    @property
    def longest(self) -> int | None:
        """Tokens that come out at most."""
        return self._most_tokens

    @property
    def amounts(self) -> dict[str, int]:
        """How much it asks for: tokens are an estimate."""
        known = self.sound.info.seconds
        seconds = self.sound.size / _BYTES_A_SECOND if known is None else known
        return {"tokens": round(seconds * _TOKENS_A_SECOND), "bytes": self.sound.size}

    @property
    def _most_tokens(self) -> int:
        return round((self.seconds or 0) * _TOKENS_A_SECOND)


def read_sound(form: Form, operation: str) -> SoundRequest:
    """The request of a form; InvalidRequest names what is wrong."""
    texts = dict(form.fields)
    _refuse_repeated(name for name, _ in form.fields if not name.endswith("]"))
    model = texts.get("model", "").strip()
    if not model:
        raise InvalidRequest("Missing required parameter: 'model'.", param="model", code="missing_required_parameter")
    if len(model) > _MAX_MODEL:
        raise InvalidRequest(f"'model' must be a text of 1 to {_MAX_MODEL} characters.", param="model")
    if not form.sounds:
        raise InvalidRequest(
            "Missing required parameter: 'file'. Send the sound as a file part of that name.",
            param="file",
            code="missing_required_parameter",
        )
    if len(form.sounds) > 1:
        raise InvalidRequest("'file' was sent more than once.", param="file", code="duplicate_parameter")
    stream = texts.get("stream", "").strip().lower() in {"true", "1"}
    return SoundRequest(operation, model, texts, b"", stream, fields=form.fields, sound=form.sounds[0][1])


def _refuse_repeated(names: Iterable[str]) -> None:
    """An upstream might take another of them than was checked here."""
    for name, times in Counter(names).items():
        if times > 1:
            raise InvalidRequest(f"'{name}' was sent more than once.", param=name, code="duplicate_parameter")


_FILE = Field(
    "file",
    {"type": "string", "format": "binary"},
    "The sound: flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav, webm, or what else the upstream takes.",
    required=True,
)
_MODEL = Field("model", {"type": "string", "maxLength": _MAX_MODEL}, "The model to use.", required=True)
_PROMPT = Field("prompt", {"type": "string"}, "Words to guide the model, or what was said before.")
_TEMPERATURE = Field("temperature", {"type": "number", "minimum": 0, "maximum": 1}, "How freely words are chosen.")


def _response_format(formats: tuple[str, ...]) -> Field:
    described = "The form that the words have, as far as the model knows it; the reply's media type goes with it."
    return Field("response_format", {"type": "string", "enum": list(formats), "default": formats[0]}, described)


def _listed(name: str, item: dict[str, object], description: str) -> Field:
    return Field(f"{name}[]", {"type": "array", "items": item}, description)


_WORDS = {"type": "string"}
_TRANSCRIPTION_FIELDS = (
    _MODEL,
    _FILE,
    Field("language", _WORDS, "The language that is spoken, in ISO-639-1."),
    _PROMPT,
    _response_format(_FORMATS),
    _TEMPERATURE,
    _listed("include", {"type": "string", "enum": ["logprobs"]}, "What to tell besides."),
    _listed("timestamp_granularities", {"type": "string", "enum": ["word", "segment"]}, "What to tell the times of."),
    Field("stream", {"type": "boolean", "default": False}, "Whether the words come as events, where the model can."),
    Field("chunking_strategy", _WORDS, "How the sound is cut: `auto`, or an object in JSON."),
    _listed("languages", dict(_WORDS), "Languages that may be spoken."),
    _listed("keywords", dict(_WORDS), "Words that may be spoken."),
    _listed("known_speaker_names", dict(_WORDS), "Names of those who may speak."),
    _listed("known_speaker_references", dict(_WORDS), "How each of them sounds, as a `data:` URI."),
)
_TRANSLATION_FIELDS = (
    _MODEL,
    _FILE,
    _PROMPT,
    _response_format(("json", "text", "srt", "verbose_json", "vtt")),
    _TEMPERATURE,
)
_SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


def _listening(
    operation: str, path: str, told: tuple[str, str], fields: tuple[Field, ...]
) -> Family[SoundRequest, Spoken]:
    read: Callable[[Form], SoundRequest] = partial(read_sound, operation=operation)
    return Family(
        operation=operation,
        method="POST",
        path=path,
        tag="Audio",
        summary=told[0],
        description=told[1],
        takes="The sound and options.",
        gives="What is said in it.",
        fields=fields,
        sounds=frozenset({"file"}),
        long=frozenset({"known_speaker_references"}),
        reply_schema=_SCHEMA,
        media_types=("application/json", "text/plain", "text/vtt", EVENT_STREAM),
        read=read,
        ignored=lambda _: (),
        write=write_spoken,
    )


TRANSCRIPTIONS = _listening(
    TRANSCRIBE,
    "/audio/transcriptions",
    ("Create Transcription", "Writes down what is said in a sound."),
    _TRANSCRIPTION_FIELDS,
)
TRANSLATIONS = _listening(
    TRANSLATE,
    "/audio/translations",
    ("Create Translation", "Writes down in English what is said in a sound."),
    _TRANSLATION_FIELDS,
)
