"""Forms as upstreams take them: ``multipart/form-data``, uploads streamed, nothing of the client's labels in them."""

import secrets
from collections.abc import Iterable

from torana.core.exchange import Message, Upload
from torana.dialects.steps import Sent

_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


def form_message(path: str, fields: Iterable[tuple[str, object]], files: Iterable[tuple[str, Sent]] = ()) -> Message:
    """A POST of a form; fields that are None are left out.

    Files go under our own names and the type that their bytes deserve: the client's labels may be wrong, or an attack
    on the upstream's parser.
    """
    boundary = f"torana-{secrets.token_hex(16)}"
    body: list[bytes | Upload] = [_text(boundary, name, value) for name, value in fields if value is not None]
    for number, (name, picture) in enumerate(files):
        body += [_file_head(boundary, name, f"image{number}.{picture.info.format}", picture), picture.content, b"\r\n"]
    body.append(f"--{boundary}--\r\n".encode())
    headers = (("content-type", f"multipart/form-data; boundary={boundary}"), ("accept", "application/json"))
    return Message("POST", path, headers, tuple(body))


def _text(boundary: str, name: str, value: object) -> bytes:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name.translate(_QUOTED)}"\r\n\r\n'
    return f"{head}{text}\r\n".encode()


def _file_head(boundary: str, name: str, filename: str, picture: Sent) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name.translate(_QUOTED)}"; filename="{filename}"'
    return f"{head}\r\nContent-Type: {picture.info.media_type}\r\n\r\n".encode()
