"""AWS's binary framing, written: what botocore reads."""

import json
import struct
from collections.abc import Mapping
from zlib import crc32


def header(name: str, value: str) -> bytes:
    """A header that is a text."""
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value.encode())) + value.encode()


def message(headers: bytes, payload: bytes) -> bytes:
    """A message of any headers."""
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    whole = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return whole + struct.pack("!I", crc32(whole))


def event(name: str, told: object, kind: str = "event") -> bytes:
    """An event, or an exception, with its data in JSON."""
    payload = told if isinstance(told, bytes) else json.dumps(told).encode()
    named = {":message-type": kind, f":{kind}-type": name, ":content-type": "application/json"}
    return message(b"".join(header(*each) for each in named.items()), payload)


def stream(*events: tuple[str, Mapping[str, object]]) -> bytes:
    """A stream of events."""
    return b"".join(event(name, told) for name, told in events)
