import pytest
from h2.exceptions import FrameTooLargeError

from torana.upstream.http2.farewells import Farewells


def frame(kind: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, 0)) + bytes(4) + payload


def farewell(last: int, more: bytes = b"") -> bytes:
    return frame(7, last.to_bytes(4) + bytes(4) + more)


ONE, TWO = frame(0, b"one"), frame(1, bytes(16384))


@pytest.mark.parametrize(
    ("said", "others", "lasts"),
    [
        (ONE + TWO, ONE + TWO, []),
        (farewell(3), b"", [3]),
        (ONE + farewell(2**31 - 1) + TWO + farewell(5, b"why") + ONE, ONE + TWO + ONE, [2**31 - 1, 5]),
        (farewell(2**31 + 5), b"", [5]),
        (frame(7, b"short"), frame(7, b"short"), []),
        (frame(0, farewell(3)), frame(0, farewell(3)), []),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 7, 9, 10, 1000, 100_000])
def test_they_are_taken_out_however_they_come(said, others, lasts, size):
    farewells = Farewells()
    split = [farewells.split(said[at : at + size]) for at in range(0, len(said), size)]
    assert b"".join(frames for frames, _ in split) == others
    assert [last for _, told in split for last in told] == lasts


def test_a_frame_that_is_too_long_is_refused_before_it_is_there():
    with pytest.raises(FrameTooLargeError):
        Farewells().split(ONE + (16385).to_bytes(3) + bytes(6))
