"""Replies cut, mutated and dealt out in pieces; run as a program it goes on for as many seconds as it is told."""

import asyncio
import random
import sys
import time
from dataclasses import dataclass

from tests.upstream.wire import Wire, upstream
from torana.core.errors import UpstreamError
from torana.core.exchange import Message
from torana.upstream.client import Client, Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.transport import AiohttpClient

IN_TIME = Timeouts(connect=5, first_byte=3, total=4)
POST = Message("POST", "/", (), (b"x",))


@dataclass(frozen=True)
class Case:
    """A reply, what its body is, and after how many of its bytes it is whole."""

    name: str
    said: bytes
    body: bytes
    whole_at: int


def _case(name: str, said: bytes, body: bytes) -> Case:
    return Case(name, said, body, len(said))


CASES = (
    _case("length", b"HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-length: 5\r\n\r\nhello", b"hello"),
    _case(
        "chunks",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nt: x\r\n\r\n",
        b"hello",
    ),
    _case("informed", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", b"hi"),
)

_BITS = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b":",
    b"content-length: 3\r\n",
    b"transfer-encoding: chunked\r\n",
    b"0\r\n\r\n",
)


async def answer_to(pieces: list[bytes], kind: type[HttpClient] | type[AiohttpClient] = HttpClient) -> bytes | str:
    """The body of a reply that comes in these pieces, after which the connection ends; or ``an error``."""

    async def script(wire: Wire) -> None:
        await wire.request()
        for piece in pieces:
            await wire.say(piece)
            await asyncio.sleep(0)
        await wire.hang_up()

    client: Client = kind(per_host=1)
    try:
        async with upstream(script) as up:
            return await asyncio.wait_for(_asked(client, up.origin), IN_TIME.total + 1)
    finally:
        await client.close()  # type: ignore[attr-defined] # both have it


async def _asked(client: Client, origin) -> bytes | str:
    try:
        async with client.send(POST, origin, timeouts=IN_TIME, max_reply=100_000) as reply:
            return await reply.read()
    except UpstreamError:
        return "an error"


async def heard(pieces: list[bytes]) -> tuple[bytes | str, bytes | str]:
    """What our client and the ready-made one make of a reply."""
    return await answer_to(pieces), await answer_to(pieces, AiohttpClient)


def mutated(chance: random.Random) -> tuple[bytes, list[bytes]]:
    """A reply with a few accidents, and the pieces in which it comes."""
    said = bytearray(chance.choice(CASES).said)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(said) + 1)
        match chance.randrange(4):
            case 0:
                said[at:at] = chance.choice(_BITS)
            case 1:
                del said[at : at + chance.randrange(1, 6)]
            case 2 if at < len(said):
                said[at] = chance.randrange(256)
            case _:
                said[at:at] = said[at : at + chance.randrange(1, 12)]
    cuts = sorted(chance.randrange(len(said) + 1) for _ in range(chance.randrange(4)))
    return bytes(said), [bytes(said[a:b]) for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True) if a < b]


def main(seconds: float, seed: int) -> None:
    end, tried, differing = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        said, pieces = mutated(random.Random(seed + tried))
        ours, theirs = asyncio.run(heard(pieces))
        tried += 1
        if "an error" not in (ours, theirs) and ours != theirs:
            differing += 1
            print(f"seed {seed + tried - 1}: {said!r}: ours {ours!r}, theirs {theirs!r}")  # noqa: T201 - a program
    print(f"{tried} replies, {differing} understood differently")  # noqa: T201 - a program
    sys.exit(differing > 0)


if __name__ == "__main__":
    main(float(sys.argv[1]), random.SystemRandom().randrange(2**40))
