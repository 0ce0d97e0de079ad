"""Telling sounds by their first bytes. Only what is certainly none is refused: there are more formats than we know."""

import re
import struct
from pathlib import PurePath
from typing import BinaryIO

from torana.core.content import SoundInfo
from torana.core.errors import InvalidRequest

_MEDIA_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "webm": "audio/webm",
    "aac": "audio/aac",
    "amr": "audio/amr",
    "aiff": "audio/aiff",
}
_SPELLINGS = {"mpga": "mp3", "mpeg": "mp3", "oga": "ogg", "opus": "ogg", "wave": "wav", "aif": "aiff", "mka": "webm"}
_BEGINNINGS = (
    ("wav", re.compile(rb"(RIFF|RF64).{4}WAVE", re.DOTALL)),
    ("flac", re.compile(rb"fLaC")),
    ("ogg", re.compile(rb"OggS")),
    ("m4a", re.compile(rb".{4}ftypM4[AB]", re.DOTALL)),
    ("mp4", re.compile(rb".{4}ftyp", re.DOTALL)),
    ("webm", re.compile(rb"\x1a\x45\xdf\xa3")),
    ("amr", re.compile(rb"#!AMR")),
    ("aiff", re.compile(rb"FORM.{4}AIF[FC]", re.DOTALL)),
    ("aac", re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")),
    ("mp3", re.compile(rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")),
)
_NO_SOUND = (
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("WebP", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
    ("PDF", re.compile(rb"%PDF-")),
    ("ZIP", re.compile(rb"PK\x03\x04")),
)
_HEAD_LENGTH = 16
_FIELD = "file"
_MOST_CHUNKS = 64


def listen(file: BinaryIO, *, filename: str) -> SoundInfo:
    """What a sound is, by its own bytes; where they tell nothing, by its name.

    ``file`` is seekable and read from its start; its position is moved. InvalidRequest when it is empty, or certainly
    something else.
    """
    file.seek(0)
    head = file.read(_HEAD_LENGTH)
    if not head:
        raise InvalidRequest("The audio file is empty.", param=_FIELD, code="empty_audio_file")
    for kind, begins in _NO_SOUND:
        if begins.match(head):
            raise InvalidRequest(f"This is a {kind} file, not a sound.", param=_FIELD, code="invalid_file_format")
    ending = PurePath(filename).suffix.lower().removeprefix(".")
    named = _SPELLINGS.get(ending, ending)
    found = next((name for name, begins in _BEGINNINGS if begins.match(head)), named)
    if found not in _MEDIA_TYPES:
        return SoundInfo("bin")
    return SoundInfo(found, _MEDIA_TYPES[found], _seconds_of_wav(file) if found == "wav" else None)


def _seconds_of_wav(file: BinaryIO) -> float | None:
    """How long it is by its own word, held to the bytes that are there: those who stream it cannot know beforehand."""
    size = file.seek(0, 2)
    place, bytes_a_second = 12, 0
    for _ in range(_MOST_CHUNKS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:  # noqa: PLR2004 - a chunk's name and its length
            return None
        name, length = struct.unpack("<4sI", head)
        place += 8
        if name == b"fmt ":
            described = file.read(12)
            bytes_a_second = struct.unpack("<8xI", described)[0] if len(described) == 12 else 0  # noqa: PLR2004
        elif name == b"data":
            return min(length, size - place) / bytes_a_second if bytes_a_second else None
        place += length + length % 2
    return None
