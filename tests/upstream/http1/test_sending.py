import asyncio

import pytest

from tests.upstream.wire import OK, Wire, upstream
from torana.core.exchange import Message
from torana.upstream.client import Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.http1.sending import AT_ONCE, in_memory


def test_what_is_in_memory():
    assert in_memory(()) == ([], 0)
    assert in_memory((b"a", b"bc")) == ([b"a", b"bc"], 3)


@pytest.mark.parametrize("size", [1, 64 * 1024, 64 * 1024 + 1, AT_ONCE, AT_ONCE + 1, 5 * AT_ONCE + 7])
async def test_every_size_arrives(size):
    body = bytes(range(251)) * (size // 251 + 1)
    heard = asyncio.get_running_loop().create_future()

    async def script(wire: Wire) -> None:
        heard.set_result(await wire.request())
        await wire.say(OK)

    client = HttpClient(per_host=1)
    async with upstream(script) as up:
        message = Message("POST", "/", (), (body[: size // 2], body[size // 2 : size]))
        async with client.send(message, up.origin, timeouts=Timeouts(5, 5, 5), max_reply=9) as reply:
            assert await reply.read() == b"hi"
        await client.close()
    assert heard.result().body == body[:size]
