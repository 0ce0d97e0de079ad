import json
import struct
from collections.abc import AsyncIterator, Iterable
from itertools import pairwise
from uuid import UUID
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from tests.upstream.frames import event, header, message
from torana.core.errors import UpstreamCut, UpstreamError
from torana.core.exchange import Event
from torana.upstream.eventstream import read_event_stream

LIMIT = 1000
NAMES = st.text(min_size=1, max_size=20)


async def pieces(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def events(*chunks: bytes, limit: int = LIMIT) -> list[Event]:
    return [each async for each in read_event_stream(pieces(chunks), max_event=limit)]


@given(st.lists(st.tuples(NAMES, st.binary(max_size=100)), max_size=4), st.lists(st.integers(0, 600), max_size=20))
async def test_it_does_not_matter_how_the_bytes_come(made: list[tuple[str, bytes]], cuts: list[int]) -> None:
    stream = b"".join(event(name, data) for name, data in made)
    places = [0, *sorted(cuts), len(stream)]
    wanted = [Event(name, data) for name, data in made]
    assert await events(*(stream[start:end] for start, end in pairwise(places))) == wanted
    assert await events(*(bytes((byte,)) for byte in stream)) == wanted


@given(st.lists(st.tuples(NAMES, st.binary(max_size=100)), max_size=4))
async def test_it_reads_what_awss_own_client_reads(made: list[tuple[str, bytes]]) -> None:
    stream = b"".join(event(name, data) for name, data in made)
    theirs = EventStreamBuffer()
    theirs.add_data(stream)
    read = [Event(each.headers[":event-type"], each.payload) for each in theirs]
    assert await events(stream) == read


async def test_headers_of_every_kind_are_passed_over() -> None:
    values = [b"\0", b"\1", b"\2\x07", b"\3\0\1", b"\4\0\0\0\1", b"\5" + b"\0" * 8, b"\6\0\2ab", b"\x08" + b"\0" * 8]
    values.append(b"\x09" + UUID(int=7).bytes)
    odd = b"".join(bytes([1]) + chr(97 + place).encode() + value for place, value in enumerate(values))
    stream = message(odd + header(":event-type", "known") + header(":message-type", "event"), b"{}")
    theirs = EventStreamBuffer()
    theirs.add_data(stream)
    assert [each.headers[":event-type"] for each in theirs] == ["known"]
    assert await events(stream) == [Event("known", b"{}")]


async def test_exceptions_and_errors_come_by_their_names() -> None:
    error = header(":message-type", "error") + header(":error-code", "InternalError") + header(":error-message", "Oh")
    first, second = await events(event("throttlingException", {"message": "slow"}, "exception"), message(error, b""))
    assert first == Event("throttlingException", b'{"message": "slow"}')
    assert (second.name, json.loads(second.data)) == ("error", {"code": "InternalError", "message": "Oh"})


async def test_an_event_comes_as_soon_as_it_is_whole() -> None:
    given_out = 0
    whole = event("a", b"{}")

    async def slowly() -> AsyncIterator[bytes]:
        nonlocal given_out
        for chunk in (whole[:20], whole[20:], event("b", b"{}")):
            given_out += 1
            yield chunk

    assert await anext(aiter(read_event_stream(slowly(), max_event=LIMIT))) == Event("a", b"{}")
    assert given_out == 2


@pytest.mark.parametrize("place", range(len(event("a", b"{}"))))
async def test_a_byte_that_is_wrong_is_noticed(place: int) -> None:
    whole = bytearray(event("a", b"{}"))
    whole[place] ^= 0x10
    with pytest.raises(UpstreamError) as noticed:
        await events(bytes(whole) + event("b", b"{}"))
    assert not isinstance(noticed.value, UpstreamCut)


async def test_a_stream_that_ends_within_an_event_was_cut() -> None:
    whole = event("a", b"{}")
    for end in range(1, len(whole)):
        with pytest.raises(UpstreamCut):
            await events(whole, whole[:end])


@pytest.mark.parametrize("headers", [b"\x05ab", b"\x01a", b"\x01a\x0a", b"\x01a\x07\0\xffab", b"\x01\xff\x07\0\0"])
async def test_headers_that_make_no_sense_are_noticed(headers: bytes) -> None:
    with pytest.raises(UpstreamError, match="damaged"):
        await events(message(headers, b""))


@pytest.mark.parametrize("size", [1, 10**6])
async def test_what_is_too_long_is_not_gathered(size: int) -> None:
    for stream in (event("a", b"x" * (LIMIT + 1)), message(header("a", "x" * 60_000) * 3, b"")):
        with pytest.raises(UpstreamError, match="more than 1,000 bytes"):
            await events(*(stream[start : start + size] for start in range(0, min(len(stream), 99), size)))
    assert len(await events(event("a", b"x" * LIMIT) * 3)) == 3


async def test_a_length_that_cannot_be_is_noticed() -> None:
    prelude = struct.pack("!II", 15, 0)
    with pytest.raises(UpstreamError, match="damaged"):
        await events(prelude + struct.pack("!I", crc32(prelude)) + b"\0\0\0")
