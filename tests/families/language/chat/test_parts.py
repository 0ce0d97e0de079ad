import pytest

from torana.core.errors import InvalidRequest
from torana.families.language.chat.parts import hear_content, hear_text
from torana.families.language.words import Media, Reasoning, Refusal, Text

KEEP = {"type": "ephemeral"}
PNG = "data:image/png;base64,AAAA"


@pytest.mark.parametrize(
    ("part", "heard"),
    [
        ({"type": "text", "text": "Hi", "new": 1}, Text("Hi")),
        ({"type": "text", "text": "Hi", "cache_control": KEEP | {"ttl": "1h"}}, Text("Hi", KEEP | {"ttl": "1h"})),
        ({"type": "text", "text": "Hi", "prompt_cache_breakpoint": {"mode": "explicit"}}, Text("Hi", KEEP)),
        ({"type": "refusal", "refusal": "No."}, Refusal("No.")),
        ({"type": "thinking", "thinking": "Hm.", "signature": "s"}, Reasoning("Hm.", "s")),
        ({"type": "redacted_thinking", "data": "d"}, Reasoning(sealed="d")),
        ({"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
         Media("image", base64="AAAA", media_type="image/png", detail="low")),
        ({"type": "image_url", "image_url": "https://h/a.png"}, Media("image", url="https://h/a.png")),
        ({"type": "image_url", "image_url": {"url": "HTTPS://h/a"}, "cache_control": KEEP},
         Media("image", url="HTTPS://h/a", cached=KEEP)),
        ({"type": "image_url", "image_url": {"url": "data:image/png;name=a.png;base64,AAAA"}},
         Media("image", base64="AAAA", media_type="image/png")),
        ({"type": "video_url", "video_url": {"url": "https://h/a.mp4"}}, Media("video", url="https://h/a.mp4")),
        ({"type": "audio_url", "audio_url": {"url": "https://h/a.mp3"}}, Media("audio", url="https://h/a.mp3")),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
         Media("audio", base64="AAAA", media_type="audio/mpeg")),
        ({"type": "input_audio", "input_audio": {"data": "data:audio/flac;base64,AAAA", "format": "flac"}},
         Media("audio", base64="AAAA", media_type="audio/flac")),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,AAAA", "filename": "a.txt"}},
         Media("file", base64="AAAA", media_type="text/plain", name="a.txt")),
        ({"type": "file", "file": {"file_data": "AAAA"}}, Media("file", base64="AAAA", media_type="application/pdf")),
        ({"type": "file", "file": {"file_data": "https://h/a.pdf"}}, Media("file", url="https://h/a.pdf")),
        ({"type": "file", "file": {"file_id": "file-1"}}, Media("file", file_id="file-1")),
        ({"type": "file", "file": {"file_id": "https://h/a.pdf", "format": "application/pdf"}},
         Media("file", url="https://h/a.pdf", media_type="application/pdf")),
    ],
)  # fmt: skip
def test_parts(part, heard):
    assert hear_content([part], "content") == (heard,)


@pytest.mark.parametrize(
    ("part", "param", "code"),
    [
        ({"type": "hologram"}, "content[1].type", "unsupported_value"),
        ({}, "content[1].type", "missing_required_parameter"),
        ({"type": "text"}, "content[1].text", "missing_required_parameter"),
        ({"type": "text", "text": 1}, "content[1].text", "invalid_type"),
        ({"type": "image_url"}, "content[1].image_url", "missing_required_parameter"),
        ({"type": "image_url", "image_url": {}}, "content[1].image_url.url", "missing_required_parameter"),
        ({"type": "image_url", "image_url": {"url": "file:///etc/a"}}, "content[1].image_url.url", "invalid_value"),
        ({"type": "image_url", "image_url": {"url": "data:image/png,a"}}, "content[1].image_url.url", "invalid_value"),
        ({"type": "input_audio", "input_audio": {"data": "A"}}, "content[1].input_audio.format",
         "missing_required_parameter"),
        ({"type": "file", "file": {}}, "content[1].file", "invalid_value"),
        ("words", "content[1]", "invalid_type"),
    ],
)  # fmt: skip
def test_parts_that_make_no_sense(part, param, code):
    with pytest.raises(InvalidRequest) as refused:
        hear_content([{"type": "text", "text": "Hi"}, part], "content")
    assert (refused.value.param, refused.value.code) == (param, code)


def test_contents():
    assert hear_content(None, "content") == ()
    assert hear_content("Hi", "content", KEEP) == (Text("Hi", KEEP),)
    with pytest.raises(InvalidRequest) as refused:
        hear_content({}, "content")
    assert (refused.value.param, refused.value.code) == ("content", "invalid_type")


def test_a_content_of_words_alone():
    assert hear_text([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "content") == (
        Text("a"),
        Text("b"),
    )
    with pytest.raises(InvalidRequest) as refused:
        hear_text([{"type": "image_url", "image_url": PNG}], "content")
    assert refused.value.param == "content"


def test_a_mark_on_a_message_of_several_parts_is_its_last_parts():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert hear_content(parts, "content", KEEP) == (Text("a"), Text("b", KEEP))


def test_a_long_data_uri_is_read_in_no_time():
    part = {"type": "image_url", "image_url": {"url": "data:" + "a;" * 100_000}}
    with pytest.raises(InvalidRequest):
        hear_content([part], "content")
