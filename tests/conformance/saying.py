"""What an upstream of any dialect says in the conformance tests, and how it goes over the wire.

It answers ``ANSWER`` to any conversation, in pieces where that is asked for, and says that it took ``TOKENS_IN`` and
``TOKENS_OUT`` tokens.
"""

import json
import struct
import zlib
from http import HTTPStatus
from typing import Any

PIECES = ("Hello", ", ", "world", ".")
ANSWER = "".join(PIECES)
TOKENS_IN, TOKENS_OUT = 11, 4
VECTORS = ((0.25, -0.5, 1.0), (0.0, 0.125, -1.0))
SOUND = b"ID3\x04sound that is none"

Body = dict[str, Any]


def http(body: bytes, status: int = 200, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def said(body: object) -> bytes:
    return http(json.dumps(body).encode())


def events(*bodies: object, named: bool = False, last: bytes = b"") -> bytes:
    """Server-sent events; each named by its ``type`` if they are."""
    lines = [(f"event: {body['type']}\n" if named else "") + f"data: {json.dumps(body)}\n\n" for body in bodies]  # type: ignore[index]  # a test's own
    return http("".join(lines).encode() + last, kind="text/event-stream")


def aws_message(name: str, body: object, *, kind: str = "event") -> bytes:
    """One message of AWS's event stream."""
    texts = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    headers = b"".join(
        struct.pack("!B", len(key)) + key.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for key, value in texts.items()
    )
    payload = json.dumps(body).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack("!I", zlib.crc32(prelude))
    whole = prelude + headers + payload
    return whole + struct.pack("!I", zlib.crc32(whole))


def aws_events(*named: tuple[str, object]) -> bytes:
    return http(b"".join(aws_message(*each) for each in named), kind="application/vnd.amazon.eventstream")
