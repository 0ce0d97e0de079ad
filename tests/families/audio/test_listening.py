import pytest

from tests.families.audio.sounds import Recorded, wav
from torana.core.errors import InvalidRequest
from torana.families.audio import TRANSCRIPTIONS, TRANSLATIONS
from torana.families.audio.listening import SoundRequest
from torana.families.base import Form

SOUND = Recorded(wav(seconds=2.0))
LISTED = (
    ("timestamp_granularities[]", "word"),
    ("timestamp_granularities[]", "segment"),
    ("include[]", "logprobs"),
    ("odd", "x"),
)


def asked(*fields: tuple[str, str], sound: Recorded = SOUND) -> SoundRequest:
    return TRANSCRIPTIONS.read(Form((("model", "m"), *fields), sounds=(("file", sound),)))


@pytest.mark.parametrize("family", [TRANSCRIPTIONS, TRANSLATIONS], ids=lambda family: family.operation)
def test_fields_are_kept_as_they_came(family):
    request = family.read(Form((("model", "m"), *LISTED), sounds=(("file", SOUND),)))
    assert (request.operation, request.model) == (family.operation, "m")
    assert request.fields == (("model", "m"), *LISTED)
    assert request.sound is SOUND
    assert (request.stream, request.response_format, family.ignored(request)) == (False, "json", ())


@pytest.mark.parametrize(
    ("text", "stream"), [("true", True), (" True", True), ("1", True), ("false", False), ("", False)]
)
def test_a_stream_is_asked_for_in_a_text(text, stream):
    assert asked(("stream", text)).stream is stream


def test_two_requests_are_alike_when_their_parts_are():
    *words, sound = asked(("prompt", "a")).parts
    assert sound is SOUND
    assert words == [*asked(("prompt", "a"), sound=Recorded(b"other")).parts[:-1]]
    assert words != [*asked(("prompt", "b")).parts[:-1]]
    assert words != [*TRANSLATIONS.read(Form(asked(("prompt", "a")).fields, sounds=(("file", SOUND),))).parts[:-1]]


def test_what_it_may_take_follows_from_how_long_it_is():
    known, unknown = asked(), asked(sound=Recorded(b"\xff\xfb" + bytes(29_998)))
    assert (known.seconds, known.longest, known.amounts) == (2.0, 40, {"tokens": 40, "bytes": SOUND.size})
    assert known.length == 40 + len("m")
    assert unknown.seconds == 40.0
    assert unknown.amounts == {"tokens": 38, "bytes": 30_000}


@pytest.mark.parametrize(
    ("form", "param", "code"),
    [
        (Form(sounds=(("file", SOUND),)), "model", "missing_required_parameter"),
        (Form((("model", " "),), sounds=(("file", SOUND),)), "model", "missing_required_parameter"),
        (Form((("model", "m" * 257),), sounds=(("file", SOUND),)), "model", "invalid_value"),
        (Form((("model", "m"),)), "file", "missing_required_parameter"),
        (Form((("model", "m"),), sounds=(("file", SOUND), ("file", SOUND))), "file", "duplicate_parameter"),
    ],
)
def test_what_is_wrong_is_named(form, param, code):
    with pytest.raises(InvalidRequest) as caught:
        TRANSCRIPTIONS.read(form)
    assert (caught.value.param, caught.value.code) == (param, code)


def test_what_is_sent_twice_is_refused():
    with pytest.raises(InvalidRequest, match="more than once") as caught:
        asked(("prompt", "a"), ("prompt", "b"))
    assert (caught.value.param, caught.value.code) == ("prompt", "duplicate_parameter")
