import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.media.frames import (
    PREFIX,
    Done,
    Failed,
    Order,
    Ready,
    Refused,
    Stopped,
    decode_order,
    decode_reply,
    opened,
)


def header(frame: bytes) -> bytes:
    assert PREFIX.unpack_from(frame) == (len(frame) - PREFIX.size,)
    return frame[PREFIX.size :]


def test_an_order_comes_across():
    order = Order("package.module:function", b"\0\xff", (0, 5, 1 << 40))

    assert decode_order(header(opened(order))) == order


@pytest.mark.parametrize(
    "reply",
    [Ready(), Done(b"{}", 0.25, (1, 2)), Refused("No.", "image", None), Failed(), Stopped()],
    ids=lambda reply: type(reply).__name__,
)
def test_every_reply_comes_across(reply):
    assert decode_reply(header(opened(reply))) == reply


@pytest.mark.parametrize("sizes", [(-1,), ("1",), (1.5,)])
def test_sizes_are_whole_and_not_negative(sizes):
    with pytest.raises(msgspec.ValidationError):
        decode_reply(msgspec.msgpack.encode({"type": "ready", "sizes": sizes}))


@given(st.binary(max_size=200))
def test_noise_is_no_reply(noise):
    with pytest.raises(msgspec.MsgspecError):
        decode_reply(noise)
