import asyncio

import pytest

from tests.upstream.wire import OK, answering, upstream
from torana.core.errors import UpstreamUnreachable
from torana.upstream.http1.connection import ROOM, Connection
from torana.upstream.http1.dialling import Dialler, usual_tls
from torana.upstream.resolving import Address


class Names:
    def __init__(self, *addresses: Address) -> None:
        self.addresses = addresses

    async def resolve(self, host, port):
        return self.addresses


def dialler(*addresses: Address) -> Dialler[Connection]:
    loop = asyncio.get_running_loop()
    return Dialler(Names(*addresses), None, None, lambda: Connection(loop, memoryview(bytearray(ROOM))))


async def test_another_address_is_tried_where_one_fails():
    async with upstream(answering(OK)) as up:
        nobody, somebody = Address("127.0.0.2", up.port), Address("127.0.0.1", up.port)
        connection = await dialler(nobody, somebody).dial("http", "a.example", up.port, within=5)
        assert isinstance(connection, Connection)
        assert connection.is_open
        connection.drop()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("count", [0, 1, 2])
async def test_no_address_answers(count):
    async with upstream(answering(OK)) as up:
        with pytest.raises(UpstreamUnreachable, match="could not be reached") as caught:
            await dialler(*[Address("127.0.0.2", up.port)] * count).dial("http", "a.example", up.port, within=5)
    assert "a.example" not in caught.value.message
    assert "a.example" in str(caught.value.__cause__)


def test_what_the_system_trusts_is_read_once():
    assert usual_tls() is usual_tls()
    assert usual_tls("h2") is usual_tls("h2") is not usual_tls()
