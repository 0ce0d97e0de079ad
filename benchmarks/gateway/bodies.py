"""What is sent and what is answered: real pictures of noise, which no step on the way can make smaller."""

import base64
import json
import math
import random
import struct
import zlib
from pathlib import Path

BOUNDARY = "----benchmark-7MA4YWxkTrZu0gW"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
SIZES = {"picture-10k": 10_000, "picture-1m": 1_000_000, "picture-4m": 4_000_000, "picture-16m": 16_000_000}
_ANSWERED = 1024
"""Side of the pictures that the upstream answers with, as they are asked for: nobody has a reason to scale them."""
_WORDS = "Say hello and tell me in one sentence what an LLM gateway is good for, please."


def picture(size: int) -> bytes:
    """A PNG of about ``size`` bytes, its pixels stored as they are."""
    noise = random.Random(size)  # noqa: S311 - the same bytes in every run
    side = max(8, math.isqrt(size // 4))
    rows = b"".join(b"\0" + noise.randbytes(side * 4) for _ in range(side))
    return _png(side, (8, 6), zlib.compress(rows, 0))


def _png(side: int, depth_and_colour: tuple[int, int], pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, *depth_and_colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(tag: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))


def form(image: bytes, fields: dict[str, str]) -> bytes:
    """A variation's whole body."""
    text = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="image.png"\r\n'
    return f"{text}{head}Content-Type: image/png\r\n\r\n".encode() + image + f"\r\n--{BOUNDARY}--\r\n".encode()


def body(kind: str, model: str, extra: dict[str, str] | None = None) -> bytes:
    """The body of a request of this kind to this model; ``extra`` are fields that only some gateways ask for."""
    if kind in SIZES:
        asked = {
            "model": model,
            "n": "1",
            "size": f"{_ANSWERED}x{_ANSWERED}",
            "response_format": "b64_json",
            **(extra or {}),
        }
        return form(picture(SIZES[kind]), asked)
    turns = [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": _WORDS}]
    asked_for = {"model": model, "messages": turns, "temperature": 0.7}
    return json.dumps(asked_for | ({"stream": True} if kind == "chat-stream" else {}), separators=(",", ":")).encode()


def answers() -> tuple[bytes, bytes]:
    """The upstream's two pictures, of the size asked for: 0.75 KB, black but for a strip; 1.05 MB of grey noise."""
    noise = random.Random(_ANSWERED)  # noqa: S311 - the same bytes in every run
    row = 1 + _ANSWERED // 8
    strip = b"".join(b"\0" + noise.randbytes(row - 1) for _ in range(4))
    rows = strip + b"\0" * row * (_ANSWERED - 4)
    noisy = b"".join(b"\0" + noise.randbytes(_ANSWERED) for _ in range(_ANSWERED))
    return _png(_ANSWERED, (1, 0), zlib.compress(rows, 9)), _png(_ANSWERED, (8, 0), zlib.compress(noisy, 0))


def write_answers(directory: Path) -> tuple[Path, Path]:
    """The upstream's two pictures, in base64."""
    small, big = directory / "small.b64", directory / "big.b64"
    for path, image in zip((small, big), answers(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64encode(image))
    return small, big
