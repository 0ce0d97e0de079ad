from collections.abc import AsyncIterator, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.errors import UpstreamError
from torana.core.exchange import Event
from torana.upstream.framing import EventCutter, cut, read_events

LIMIT = 1000


async def pieces(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def events(*chunks: bytes, limit: int = LIMIT) -> list[Event]:
    return [event async for event in read_events(pieces(chunks), max_event=limit)]


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (b"data: a\n\n", [("message", b"a")]),
        (b"event: x\ndata: a\n\ndata: b\n\n", [("x", b"a"), ("message", b"b")]),
        (b"data: a\ndata:b\ndata:  c\n\n", [("message", b"a\nb\n c")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("message", b"a")]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [("message", b"a")]),
        (b": still here\n\n:\ndata: a\n: and still\n\n", [("message", b"a")]),
        (b"id: 7\nretry: 10\nwhatever\ndata: a\n\n", [("message", b"a")]),
        (b"data\n\n", [("message", b"")]),
        (b"event: lonely\n\ndata: a\n\n", [("message", b"a")]),
        (b"event: \xff\ndata: \xff\n\n", [("\N{REPLACEMENT CHARACTER}", b"\xff")]),
        (b'data: {"a": "b: c"}\n\n\n\n', [("message", b'{"a": "b: c"}')]),
        (b"data: whole\n\ndata: cut off\n", [("message", b"whole")]),
        (b"data: whole\n\ndata: cut o", [("message", b"whole")]),
        (b"", []),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
async def test_the_grammar(stream: bytes, found: list[tuple[str, bytes]], end: bytes) -> None:
    wanted = [Event(*each) for each in found]
    assert await events(stream.replace(b"\n", end)) == wanted


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Event], bytes]:
    """Events, and a stream of them in which each line ends in a way of its own."""
    written, stream = [], b""
    for _ in range(draw(st.integers(0, 4))):
        name, data = draw(TEXT), draw(st.lists(TEXT, min_size=1, max_size=3))
        written.append(Event(name.removeprefix(" ") or "message", "\n".join(data).encode()))
        lines = [f":{draw(TEXT)}", *([f"event:{name}"] if name else []), *(f"data: {line}" for line in data), "", ":"]
        for line in lines:
            # After a carriage return, a line feed of its own would not be one.
            stream += line.encode() + draw(ENDS if line else st.sampled_from([b"\r\n", b"\r"]))
    return written, stream


@given(streams(), st.lists(st.integers(0, 400), max_size=30))
async def test_it_does_not_matter_how_the_bytes_come(made: tuple[list[Event], bytes], cuts: list[int]) -> None:
    written, stream = made
    places = [0, *sorted(cuts), len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(places)]
    assert await events(*chunks, limit=10**6) == written
    assert await events(*(bytes((byte,)) for byte in stream), limit=10**6) == written


async def test_an_event_comes_as_soon_as_it_is_whole() -> None:
    given_out = 0

    async def slowly() -> AsyncIterator[bytes]:
        nonlocal given_out
        for chunk in (b"data: a\n", b"\n", b"data: b\n\n"):
            given_out += 1
            yield chunk

    stream = read_events(slowly(), max_event=LIMIT)
    assert await anext(stream) == Event("message", b"a")
    assert given_out == 2


@pytest.mark.parametrize(
    "stream",
    [
        b"x" * (LIMIT + 1),
        b": " + b"x" * LIMIT + b"\n\n",
        b"data: " + b"x" * LIMIT + b"\n\n",
        b"data: xxx\n" * (LIMIT // 4 + 1),
        b"data:\n" * (LIMIT + 2),
    ],
)
@pytest.mark.parametrize("size", [1, 100, 10**6])
async def test_what_is_too_long_is_not_gathered(stream: bytes, size: int) -> None:
    chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
    with pytest.raises(UpstreamError, match="more than 1,000 bytes"):
        await events(*chunks)


async def test_what_is_just_as_long_as_may_be_comes_through() -> None:
    line = b"x" * (LIMIT - len(b"data: "))
    long = b"xx\n" * (LIMIT // 3 - 1) + b"xxx"
    assert [event.data for event in await events(b"data: " + line + b"\n\n")] == [line]
    written = b"".join(b"data: " + part + b"\n" for part in long.split(b"\n"))
    assert [event.data for event in await events(written + b"\n")] == [long]


async def test_the_bound_is_on_each_event_and_not_on_all() -> None:
    assert len(await events(b"data: " + b"x" * 900 + b"\n\n", b": " + b"x" * 900 + b"\n\n", limit=LIMIT)) == 1
    assert len(await events(*[b"data: " + b"x" * 900 + b"\n\n"] * 50)) == 50


def test_whole_events_come_uncut_and_the_rest_waits() -> None:
    cutter = EventCutter(LIMIT)
    assert cutter.block(b"data: a\n\nevent: x\nda") == b"data: a\n\n"
    assert cutter.block(b"ta: b\n") == b""
    assert cutter.block(b"\ndata: c\n\n") == b"event: x\ndata: b\n\ndata: c\n\n"
    assert cut(b"event: x\ndata: b\n\ndata: c\n\n") == [Event("x", b"b"), Event("message", b"c")]
    cutter.close()


@pytest.mark.parametrize("chunk", [b"data: c\r\n\r\n", b"data: c" + b"x" * LIMIT + b"\n\n", b"data: c\n\nda"])
def test_blocks_that_end_with_an_event_may_be_followed_by_anything(chunk: bytes) -> None:
    cutter = EventCutter(LIMIT)
    for whole in (b"data: a\n\n", b"data: b\n\n"):
        assert cutter.block(whole) == whole
    assert cutter.block(chunk) == (b"data: c\n\n" if chunk.endswith(b"da") else None)


@pytest.mark.parametrize(
    "chunk", [b"data: a\r\n\r\n", b"\xef\xbb\xbfdata: a\n\n", b"data: a\n\n" + b": " + b"x" * (LIMIT - 10) + b"\n\n"]
)
def test_what_has_to_be_looked_at_line_by_line_has_no_blocks(chunk: bytes) -> None:
    cutter = EventCutter(LIMIT)
    assert cutter.block(chunk) is None
    assert len(list(cutter.take(chunk))) == 1
    assert cutter.block(b"data: c\n\n") == b"data: c\n\n"


async def test_a_long_event_that_comes_in_many_chunks() -> None:
    words = b"data: " + b"x" * 200_000 + b"\n\n"
    chunks = [words[start : start + 1000] for start in range(0, len(words), 1000)]
    assert [len(event.data) for event in await events(*chunks, b"data: b\n\n", limit=10**6)] == [200_000, 1]
