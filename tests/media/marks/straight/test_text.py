from base64 import b64encode

import pytest

from torana.media.marks.straight.text import length, peek

DATA = bytes(range(200))


def text(data: bytes) -> memoryview:
    return memoryview(b64encode(data))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 200])
def test_its_length_is_told_by_its_end(size):
    assert length(text(DATA[:size])) == size


@pytest.mark.parametrize("broken", [b"", b"YWJ", b"YWJjYW*=", b"YWJj====", b"YWJja==="])
def test_a_text_that_does_not_end_as_it_should_has_no_length(broken):
    with pytest.raises(ValueError, match=r"."):
        length(memoryview(broken))


@pytest.mark.parametrize("start", [0, 1, 2, 3, 190, 197, 199, 200, 300])
@pytest.mark.parametrize("count", [1, 2, 8, 30])
def test_bytes_are_looked_up_wherever_they_begin(start, count):
    assert peek(text(DATA), start, count) == DATA[start : start + count]


def test_what_is_broken_elsewhere_does_not_matter():
    broken = memoryview(b"YWJj*WJjYWJj")
    assert peek(broken, 6, 3) == b"abc"
    with pytest.raises(ValueError, match="base64"):
        peek(broken, 5, 3)
