"""The frames between the gateway and its workers.

A frame is the header's length in four bytes (big end first), the header in MessagePack, then the blobs whose sizes
the header lists. The gateway sends orders; a worker sends Ready once, then one reply to each order.
"""

import struct
from typing import Annotated, Final

import msgspec

PREFIX: Final = struct.Struct(">I")
"""The length that a frame begins with."""

MAX_HEADER: Final = 1 << 20
"""The longest header, in bytes: more means that the stream is not what it should be."""

Sizes = tuple[Annotated[int, msgspec.Meta(ge=0)], ...]
"""How long each blob is, in bytes."""


class Order(msgspec.Struct, frozen=True):
    """A job to do; its sources follow as blobs."""

    function: str
    params: bytes
    sizes: Sizes = ()


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The worker has warmed up and waits for orders."""

    sizes: Sizes = ()


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The job's result and how many seconds it took; the files made follow as blobs."""

    meta: bytes
    seconds: float
    sizes: Sizes = ()


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The job raised InvalidImage; these are its members."""

    message: str
    param: str | None
    code: str | None
    sizes: Sizes = ()


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The job raised something else; the worker has told its stderr where."""

    sizes: Sizes = ()


class Stopped(msgspec.Struct, frozen=True, tag="stopped"):
    """The job was cancelled."""

    sizes: Sizes = ()


Reply = Ready | Done | Refused | Failed | Stopped

_ORDERS = msgspec.msgpack.Decoder(Order)
_REPLIES = msgspec.msgpack.Decoder(Reply)


def decode_order(header: bytes) -> Order:
    """An order from its header; msgspec.MsgspecError when it is none."""
    return _ORDERS.decode(header)


def decode_reply(header: bytes) -> Reply:
    """A reply from its header; msgspec.MsgspecError when it is none."""
    reply: Reply = _REPLIES.decode(header)
    return reply


def opened(header: Order | Reply) -> bytes:
    """How a frame begins: all of it but the blobs."""
    encoded = msgspec.msgpack.encode(header)
    return PREFIX.pack(len(encoded)) + encoded
