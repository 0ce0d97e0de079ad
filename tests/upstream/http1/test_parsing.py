import pytest

from tests.upstream.http1.fuzzing import answer_to
from tests.upstream.wire import OK, answering, upstream
from torana.core.exchange import Message
from torana.upstream.client import Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.http1.parsing import Parsing

MOST = 128


def head(fields: int, *, status: bytes = b"200 OK") -> bytes:
    told = b"".join(b"x-%d: y\r\n" % n for n in range(fields))
    return b"HTTP/1.1 " + status + b"\r\n" + told + b"\r\n"


async def headers(said: bytes) -> dict[str, str]:
    client = HttpClient(per_host=1)
    async with upstream(answering(said)) as up:
        sending = client.send(Message("GET", "/", ()), up.origin, timeouts=Timeouts(5, 5, 5), max_reply=9)
        async with sending as reply:
            await reply.read()
            told = dict(reply.headers)
        await client.close()
    return told


async def test_fields_in_any_case_and_repeated_ones_as_one():
    said = b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nX: 1\r\nset-cookie: b\r\ncontent-length: 0\r\n\r\n"
    assert await headers(said) == {"set-cookie": "a, b", "x": "1", "content-length": "0"}


async def test_what_informs_of_a_reply_and_what_follows_it_are_no_part_of_its_head():
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx: late\r\n\r\n"
    assert await headers(b"HTTP/1.1 103 Early\r\nx: early\r\n\r\n" + chunked) == {"transfer-encoding": "chunked"}


@pytest.mark.parametrize(
    ("said", "is_taken"),
    [
        (head(MOST), True),
        (head(MOST + 1), False),
        (head(MOST // 2, status=b"103 Early") + head(MOST // 2), True),
        (head(MOST // 2, status=b"103 Early") + head(MOST // 2 + 1), False),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * MOST + b"\r\n", True),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (MOST + 1) + b"\r\n", False),
    ],
)
async def test_fields_are_counted_with_those_of_all_that_informs(said: bytes, *, is_taken: bool):
    assert await answer_to([said]) == (b"" if is_taken else "an error")


async def test_trailers_are_counted_with_the_heads_fields():
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n"
    assert await answer_to([chunked + b"x: y\r\n" * (MOST - 1) + b"\r\n"]) == b""
    assert await answer_to([chunked + b"x: y\r\n" * MOST + b"\r\n"]) == "an error"


@pytest.mark.parametrize("wants_body", [True, False])
def test_nothing_is_expected_at_first(*, wants_body: bool):
    parsing = Parsing()
    before = (parsing.complete, parsing.has_head)
    parsing.expect(wants_body=wants_body)
    assert (before, (parsing.complete, parsing.has_head)) == ((True, True), (False, False))


async def test_a_reply_follows_another():
    client = HttpClient(per_host=1)
    longer = b"HTTP/1.1 404 No\r\nx: 1\r\ncontent-length: 2\r\n\r\nno"
    async with upstream(answering(longer, OK)) as up:
        for status, told in ((404, "1"), (200, None)):
            sending = client.send(Message("GET", "/", ()), up.origin, timeouts=Timeouts(5, 5, 5), max_reply=9)
            async with sending as reply:
                assert (reply.status, reply.headers.get("x")) == (status, told)
                await reply.read()
        assert up.connections == 1
        await client.close()
