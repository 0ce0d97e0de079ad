from collections.abc import Callable
from functools import partial

import pytest

from tests.upstream.wire import OK, Request, Wire, upstream
from torana.core.exchange import Message
from torana.upstream.client import Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.signing.signed import Signed, opening
from torana.upstream.signing.signer import Ajar, Fixed, Signer

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


@pytest.mark.parametrize(
    ("make", "sent"),
    [(partial(Fixed, "x-key", "secret"), "secret"), (Ajar, None), (Counting, "signature 1")],
)
async def test_every_door_opens(make: Callable[[], Signer], sent: str | None) -> None:
    heard: list[Request] = []
    signer = make()

    async def script(wire: Wire) -> None:
        heard.append(await wire.request())
        await wire.say(OK)

    http = HttpClient(per_host=1)
    async with upstream(script) as up:
        client, origin = opening(http, signer, up.origin.base_url)
        # What does not change is not made anew.
        assert (client is http) == (not isinstance(signer, Counting))
        async with client.send(Message("GET", "/", ()), origin, timeouts=TIMEOUTS, max_reply=10) as reply:
            assert await reply.read() == b"hi"
        await http.close()
    (headers,) = [dict(each.headers) for each in heard]
    assert (headers.get("x-key") or headers.get("authorization")) == sent
    assert "secret" not in repr(origin)


@pytest.mark.parametrize("signer", [Fixed("x-key", "secret"), Ajar()])
async def test_what_does_not_change_goes_with_every_message_anywhere(signer: Fixed | Ajar) -> None:
    heard: list[Request] = []

    async def script(wire: Wire) -> None:
        heard.append(await wire.request())
        await wire.say(OK)

    http = HttpClient(per_host=1)
    async with upstream(script) as up:
        signed = Signed(http, signer)
        message = Message("GET", "/", ())
        async with signed.send(message, up.origin, timeouts=TIMEOUTS, max_reply=10, headers=(("a", "b"),)) as reply:
            assert await reply.read() == b"hi"
        await http.close()
    told = heard[0].headers
    assert [each for each in told if each[0] in {"x-key", "a"}] == [*signer.sent, ("a", "b")]
