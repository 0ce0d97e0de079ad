"""A hundred odd pictures, some of them hostile: each gets its answer, no worker is lost, no memory runs away."""

import io
import random
import re
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.gateway import PHOTO, Gateway, token
from tests.e2e.wire import Reply, ask, form, part, post

ANSWERS = {200, 400}
WORKER_MIB = 300
LARGE = (8_000, 5_000)
SHAPES = [(1, 1), (1, 300), (300, 1), (2, 3), (17, 16), (24, 24), (4000, 3), (3, 4000), (640, 40), (1500, 1500)]
MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]
SAVED_AS = {
    "1": "PNG",
    "L": "JPEG",
    "LA": "PNG",
    "P": "GIF",
    "RGB": "WEBP",
    "RGBA": "PNG",
    "CMYK": "JPEG",
    "I;16": "PNG",
}


def encoded(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def noise(mode: str, size: tuple[int, int], dice: random.Random) -> Image.Image:
    if mode == "I;16":
        return Image.frombytes("I;16", size, dice.randbytes(size[0] * size[1] * 2))
    return Image.frombytes("RGB", size, dice.randbytes(size[0] * size[1] * 3)).convert(mode)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG of one colour: small as a file, 90 million pixels when it is decoded."""
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(width * 3 + 1)) for _ in range(height)) + rows.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def odd_pictures() -> Iterator[tuple[str, bytes]]:
    dice = random.Random(7)
    good = PHOTO.read_bytes()
    for mode in MODES:
        for size in SHAPES[:8]:
            yield f"{mode} {size}", encoded(noise(mode, size, dice), SAVED_AS[mode])
    for size in SHAPES[8:]:
        yield f"flat {size}", encoded(Image.new("RGB", size, "teal"), "PNG")
    for length in (0, 1, 7, 100, 5_000, 60_000, len(good) - 1):
        yield f"cut at {length}", good[:length]
    for number in range(12):
        spoilt = bytearray(good)
        for _ in range(40):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        yield f"spoilt {number}", bytes(spoilt)
    png = encoded(noise("RGB", (200, 200), dice), "PNG")
    for number in range(12):
        at = dice.randrange(60, len(png) - 60)
        yield f"torn {number}", png[:at] + dice.randbytes(20) + png[at + 20 :]
    frames = [noise("P", (64, 64), dice) for _ in range(20)]
    moving = io.BytesIO()
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    yield "moving", moving.getvalue()
    yield "bomb", bomb(9_400, 9_400)
    yield "thin bomb", bomb(2, 4_000_000)
    yield "larger than allowed", bomb(20_000, 20_000)[:100_000]
    yield "words", b"this is not a picture" * 100
    yield "drawing", b'<svg xmlns="http://www.w3.org/2000/svg"/>'


def large_pictures() -> Iterator[tuple[str, bytes]]:
    """Of 40 megapixels each."""
    for mode in ("1", "P", "L", "LA", "RGB", "RGBA"):
        yield f"large {mode}", encoded(Image.new(mode, LARGE, 1), "PNG")
    for kind in ("JPEG", "WEBP", "GIF"):
        yield f"large {kind}", encoded(Image.new("L", LARGE, 99), kind)
    yield "large with alpha", encoded(Image.new("RGBA", LARGE, "teal"), "WEBP")


def high_water(pid: int) -> float:
    """The most memory that a process ever had, in MiB."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


@pytest.mark.timeout(300)
def test_a_hundred_odd_pictures(gateway: Gateway) -> None:
    pictures = [*odd_pictures(), *large_pictures()]
    assert len(pictures) >= 100
    workers, deaths = gateway.workers, gateway.metric("torana_worker_deaths_total")

    def vary(named: tuple[str, bytes]) -> tuple[str, Reply]:
        name, data = named
        fields = [part("model", "vary"), part("size", "64x64"), part("response_format", "b64_json")]
        return name, ask(gateway.address, post(form(*fields, part("image", data, "a.png")), token()))

    with ThreadPoolExecutor(4) as pool:
        answered = dict(pool.map(vary, pictures))
    assert {name: reply.status for name, reply in answered.items() if reply.status not in ANSWERS} == {}
    refused = {name for name, reply in answered.items() if reply.status != 200}
    assert not [
        name for name in refused if not name.startswith(("cut", "spoilt", "torn", "thin", "larger", "words", "drawing"))
    ]
    assert {"words", "drawing", "larger than allowed", "cut at 0"} <= refused
    assert all(answered[name].json["error"]["param"] == "image" for name in refused)
    assert gateway.workers == workers
    assert gateway.metric("torana_worker_deaths_total") == deaths
    assert max(map(high_water, workers)) < WORKER_MIB
