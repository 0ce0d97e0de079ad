"""Forms as upstreams take them: ``multipart/form-data``, uploads streamed, nothing of the client's labels in them."""

import secrets
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from torana.core.content import File, Recording
from torana.core.exchange import Message
from torana.dialects.steps import Sent

_REMEMBERED = 256
"""Heads of parts, by what they say; few are ever used."""
_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


def form_message(path: str, fields: Iterable[tuple[str, object]], files: Iterable[tuple[str, Sent]] = ()) -> Message:
    """A POST of a form; fields that are None are left out.

    Files go under our own names and the type that their bytes deserve: the client's labels may be wrong, or an attack
    on the upstream's parser.
    """
    parts = (
        _File(name, f"image{number}.{picture.info.format}", picture.info.media_type, picture.content)
        for number, (name, picture) in enumerate(files)
    )
    return _form(path, fields, parts, accept="application/json")


def sound_message(path: str, fields: Iterable[tuple[str, object]], name: str, sound: Recording) -> Message:
    """A POST of a form with a sound, as for pictures; its reply may be of any kind."""
    info = sound.info
    return _form(path, fields, [_File(name, f"audio.{info.format}", info.media_type, sound)], accept="*/*")


class _File(NamedTuple):
    name: str
    filename: str
    media_type: str
    content: bytes | File


def _form(path: str, fields: Iterable[tuple[str, object]], files: Iterable[_File], *, accept: str) -> Message:
    boundary = f"torana-{secrets.token_hex(16)}"
    dashes = b"--" + boundary.encode()
    between = dashes + b"\r\n"
    # What stands before a file goes as one piece with it.
    small = [between + _head(name) + _text(value) + b"\r\n" for name, value in fields if value is not None]
    body: list[bytes | File] = []
    for file in files:
        body += (b"".join((*small, between, _file_head(file.name, file.filename, file.media_type))),)
        body += _content(file.content)
        small = [b"\r\n"]
    body.append(b"".join((*small, dashes, b"--\r\n")))
    headers = (("content-type", f"multipart/form-data; boundary={boundary}"), ("accept", accept))
    return Message("POST", path, headers, tuple(body))


def _content(content: bytes | File) -> Sequence[bytes | File]:
    """What is in memory goes as it lies there: it is neither joined nor waited for."""
    if isinstance(content, bytes):
        return (content,)
    pieces = content.at_hand()
    return (content,) if pieces is None else pieces


def _text(value: object) -> bytes:
    return (str(value).lower() if isinstance(value, bool) else str(value)).encode()


@lru_cache(_REMEMBERED)
def _head(name: str) -> bytes:
    return f'Content-Disposition: form-data; name="{name.translate(_QUOTED)}"\r\n\r\n'.encode()


@lru_cache(_REMEMBERED)
def _file_head(name: str, filename: str, media_type: str) -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"'
    return f"{head}\r\nContent-Type: {media_type}\r\n\r\n".encode()
