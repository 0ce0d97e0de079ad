import io

import pytest

from torana.core.content import PictureInfo, Size
from torana.core.errors import InvalidImage
from torana.media.probe.reader import Header, Reader


def reader(data: bytes = b"0123456789", max_pixels: int = 1_000_000) -> Reader:
    return Reader(io.BytesIO(data), name="PNG", max_pixels=max_pixels)


def test_takes_exactly_or_says_that_the_file_stops():
    assert reader().take(8, 2) == b"89"
    with pytest.raises(InvalidImage, match="the PNG file stops part-way, after 10 bytes") as caught:
        reader().take(8, 3)
    assert caught.value.code == "image_parse_error"


def test_peeks_at_what_there_is():
    assert reader().peek(8, 5) == b"89"
    assert reader().peek(12, 5) == b""


def test_a_part_is_a_file_of_its_own():
    part = reader().within(2, 5).within(1, 4)

    assert part.take(0, 4) == b"3456"
    assert part.peek(3, 9) == b"6"
    with pytest.raises(InvalidImage):
        part.take(0, 5)


def test_does_not_read_endlessly():
    weary = reader()
    for _ in range(10_000):
        weary.peek(0, 1)
    with pytest.raises(InvalidImage, match="too many small parts") as caught:
        weary.peek(0, 1)
    assert caught.value.code == "invalid_image"


@pytest.mark.parametrize(
    ("width", "height", "code"),
    [
        (0, 5, "invalid_image"),
        (5, -1, "invalid_image"),
        (1000, 1001, "image_too_large"),
        (60_000, 60_000, "image_too_large"),
        (70_000, 1, "invalid_image"),
    ],
)
def test_refuses_what_is_no_size(width, height, code):
    with pytest.raises(InvalidImage) as caught:
        reader().claim(width, height)
    assert caught.value.code == code


def test_takes_a_size_at_the_limit():
    assert reader().claim(1000, 1000) == Size(1000, 1000)


@pytest.mark.parametrize(("orientation", "shown"), [(1, Size(3, 2)), (4, Size(3, 2)), (5, Size(2, 3)), (8, Size(2, 3))])
def test_a_header_s_size_as_shown(orientation, shown):
    header = Header("png", Size(3, 2), orientation, bare=True, opaque=True)

    assert header.info == PictureInfo("png", shown, bare=True, opaque=True)
