import io

import pytest

from tests.media.samples import chunk, encoded, picture, png_header
from torana.media.probe import probe
from torana.media.probe.ahead import Foretold, foretell

MOST = 10**6
PIXELS = chunk(b"IDAT", b"\1" * 5_000)
END = chunk(b"IEND")
PNG = png_header(300, 200) + chunk(b"pHYs", bytes(9)) + PIXELS * 4 + END


def webp(*more: tuple[bytes, bytes]) -> bytes:
    """A lossy picture, and chunks behind it."""
    plain = encoded(picture(), "WEBP", quality=100)
    body = plain[8:] + b"".join(kind + len(data).to_bytes(4, "little") + data for kind, data in more)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def told(data: bytes, come: int, most: int = MOST) -> Foretold | None:
    return foretell(io.BytesIO(data[:come]), size=len(data), max_pixels=most)


@pytest.mark.parametrize("come", [len(PNG) // 3, len(PNG) // 2, len(PNG)])
def test_a_png_is_what_it_begins_as(come: int) -> None:
    foretold = told(PNG, come)
    assert foretold is not None
    assert foretold.info == probe(io.BytesIO(PNG), max_pixels=MOST)
    assert foretold.info.bare


def test_of_a_png_the_chunks_are_sure_whose_heads_have_come() -> None:
    head = len(png_header(1, 1)) + len(chunk(b"pHYs", bytes(9)))
    foretold = told(PNG, head + 100)
    assert foretold is not None
    assert foretold.sure == head + len(PIXELS)
    foretold.look_on(io.BytesIO(PNG[: head + len(PIXELS) + 8]))
    assert foretold.sure == head + 2 * len(PIXELS)
    foretold.look_on(io.BytesIO(PNG))
    # Its end is told when all of it is there.
    assert foretold.sure == len(PNG) - 64


def test_what_tells_more_is_never_sure() -> None:
    words = chunk(b"tEXt", b"Comment\0where I live" * 100)
    behind = png_header(300, 200) + PIXELS * 2 + words + END
    foretold = told(behind, len(PIXELS))
    assert foretold is not None
    for come in range(len(PIXELS), len(behind), 50):
        foretold.look_on(io.BytesIO(behind[:come]))
        assert foretold.sure <= behind.index(words)
    before = png_header(300, 200) + words + PIXELS * 2 + END
    assert told(before, len(before) - 30) is None


def test_a_webp_tells_all_by_its_first_chunks() -> None:
    plain = webp()
    foretold = told(plain, 60)
    assert foretold is not None
    assert foretold.info == probe(io.BytesIO(plain), max_pixels=MOST)
    assert foretold.sure == len(plain) - 64
    assert told(webp((b"XMP ", b"who I am")), 60) is None
    # Something stands behind what it says that it is.
    assert told(plain + b"and more", 60) is None


@pytest.mark.parametrize(
    ("data", "come"),
    [
        (encoded(picture(), "JPEG"), 500),
        (encoded(picture(), "GIF"), 500),
        (b"no picture at all" * 100, 500),
        (PNG, 10),
        (PNG, 40),
        (png_header(300, 200)[:16] + bytes(500), 400),
    ],
    ids=["jpeg", "gif", "none", "too little", "no pixels yet", "no size"],
)
def test_of_others_nothing_is_sure(data: bytes, come: int) -> None:
    assert told(data, come) is None


def test_one_that_claims_too_much_is_no_better_for_being_early() -> None:
    assert told(PNG, 5_000, most=300) is None


def test_a_broken_chain_is_sure_no_further() -> None:
    broken = png_header(300, 200) + PIXELS + b"\0\0\0\5!!!!" + bytes(5_000)
    foretold = told(broken, 2_000)
    assert foretold is not None
    before = foretold.sure
    foretold.look_on(io.BytesIO(broken))
    foretold.look_on(io.BytesIO(broken))
    assert foretold.sure == before
