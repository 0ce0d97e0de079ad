import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.families.audio.sounds import wav
from torana.core.content import SoundInfo
from torana.core.errors import InvalidRequest
from torana.media.probe.sound import listen


def heard(data: bytes, filename: str = "") -> SoundInfo:
    return listen(io.BytesIO(data), filename=filename)


@pytest.mark.parametrize(
    ("beginning", "told", "media_type"),
    [
        (b"fLaC", "flac", "audio/flac"),
        (b"OggS", "ogg", "audio/ogg"),
        (b"ID3\x04", "mp3", "audio/mpeg"),
        (b"\xff\xfb\x90", "mp3", "audio/mpeg"),
        (b"\xff\xf3\x90", "mp3", "audio/mpeg"),
        (b"\xff\xf1\x50", "aac", "audio/aac"),
        (b"\0\0\0\x20ftypM4A ", "m4a", "audio/mp4"),
        (b"\0\0\0\x20ftypisom", "mp4", "video/mp4"),
        (b"\x1a\x45\xdf\xa3", "webm", "audio/webm"),
        (b"#!AMR\n", "amr", "audio/amr"),
        (b"FORM....AIFF", "aiff", "audio/aiff"),
    ],
)
def test_sounds_are_known_by_their_first_bytes_whatever_their_name(beginning, told, media_type):
    assert heard(beginning + bytes(100), "talk.wav") == SoundInfo(told, media_type)


@pytest.mark.parametrize(
    ("filename", "told"), [("a.MP3", "mp3"), ("a.mpga", "mp3"), ("a.opus", "ogg"), ("a.m4a", "m4a")]
)
def test_where_the_bytes_tell_nothing_the_name_does(filename, told):
    assert heard(b"something", filename).format == told


@pytest.mark.parametrize("filename", ["", "a", "a.txt", "a.\r\nx", ".."])
def test_what_nobody_knows_is_taken_as_it_is(filename):
    assert heard(b"something", filename) == SoundInfo("bin", "application/octet-stream")


@pytest.mark.parametrize(
    "beginning",
    [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF....WEBP", b"%PDF-1.7", b"PK\x03\x04"],
)
def test_what_is_certainly_no_sound_is_refused(beginning):
    with pytest.raises(InvalidRequest) as caught:
        heard(beginning + bytes(100), "talk.wav")
    assert (caught.value.param, caught.value.code) == ("file", "invalid_file_format")


def test_nothing_is_no_sound():
    with pytest.raises(InvalidRequest) as caught:
        heard(b"", "talk.wav")
    assert caught.value.code == "empty_audio_file"


@pytest.mark.parametrize("seconds", [0.0, 0.25, 3.0])
def test_a_wav_says_how_long_it_is(seconds):
    assert heard(wav(seconds)) == SoundInfo("wav", "audio/wav", seconds)


def test_a_wav_that_was_streamed_is_as_long_as_it_is():
    streamed = bytearray(wav(0.5))
    place = streamed.index(b"data") + 4
    streamed[place : place + 4] = b"\xff\xff\xff\xff"
    assert heard(bytes(streamed)).seconds == 0.5


def test_a_wav_may_hold_more_than_its_sound():
    plain = wav(0.5)
    more = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    assert heard(plain[:12] + more + plain[12:]).seconds == 0.5


@given(st.integers(0, 60))
def test_a_wav_that_is_cut_off_is_still_one(place):
    told = heard(wav(0.5)[: 12 + place])
    assert told.format == "wav"
    assert told.seconds is None or told.seconds <= 0.5


@given(st.binary(min_size=1, max_size=200))
def test_no_bytes_are_too_much_for_it(data):
    assert heard(b"RIFF....WAVE" + data).format == "wav"
