from tests.upstream.wire import OK, answering, upstream
from torana.core.exchange import Message
from torana.upstream.client import Origin, Timeouts
from torana.upstream.http1.client import HttpClient


async def test_origins_of_one_address_share_its_connections():
    client = HttpClient(per_host=1)
    async with upstream(answering(OK, OK)) as up:
        for base in ("/v1", "/v2"):
            origin = Origin(f"http://{up.host}{base}", (("authorization", base),))
            async with client.send(Message("GET", "/", ()), origin, timeouts=Timeouts(5, 5, 5), max_reply=9) as reply:
                assert await reply.read() == b"hi"
        assert up.connections == 1
        await client.close()


async def test_a_reply_comes_in_the_pieces_in_which_it_came():
    client = HttpClient(per_host=1)
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"
    async with upstream(answering(chunked)) as up:
        sending = client.send(Message("GET", "/", ()), up.origin, timeouts=Timeouts(5, 5, 5), max_reply=9)
        async with sending as reply:
            assert await reply.pieces() == [b"h", b"i"]
        await client.close()
