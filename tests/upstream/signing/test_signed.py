from tests.upstream.wire import OK, Request, Wire, upstream
from torana.core.exchange import Message
from torana.upstream.client import Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.signing.signed import Signed

TIMEOUTS = Timeouts(1, 1, 2)


class Counting:
    """A signature that grows old with each use."""

    def __init__(self) -> None:
        self.signed: list[str] = []

    async def headers(self, message: Message, url: str) -> tuple[tuple[str, str], ...]:
        self.signed.append(f"{message.method} {url}")
        return (("authorization", f"signature {len(self.signed)}"),)


async def test_each_sending_is_signed_anew() -> None:
    heard: list[Request] = []

    async def script(wire: Wire) -> None:
        while True:
            heard.append(await wire.request())
            await wire.say(OK)

    signer = Counting()
    client = HttpClient(per_host=1)
    async with upstream(script) as up:
        for _ in range(2):
            message = Message("POST", "/draw", (("accept", "*/*"),), (b"x",))
            signed = Signed(client, signer)
            async with signed.send(message, up.origin, timeouts=TIMEOUTS, max_reply=10, headers=(("a", "b"),)) as reply:
                assert await reply.read() == b"hi"
        await client.close()
    assert signer.signed == [f"POST http://{up.host}/v1/draw"] * 2
    assert [dict(each.headers)["authorization"] for each in heard] == ["signature 1", "signature 2"]
    assert [dict(each.headers)["a"] for each in heard] == ["b", "b"]
