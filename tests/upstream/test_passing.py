import asyncio
import os
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from torana.upstream.passing import NotThere, Passer

REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def office(path, answer):
    """A server at a socket, which answers each request in its own way; and the requests' bytes."""
    seen: list[bytes] = []

    done = asyncio.Semaphore(0)

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
        seen.append(head + await reader.readexactly(length))
        await answer(writer)
        # Until the other side has gone.
        await reader.read()
        writer.close()
        done.release()

    # From its own folder: the kernel takes no long paths.
    folder, here = os.open(path.parent, os.O_RDONLY), Path.cwd()
    os.chdir(folder)
    server = await asyncio.start_unix_server(serve, path.name)
    os.chdir(here)
    os.close(folder)
    try:
        yield seen
    finally:
        server.close()
        for _ in seen:
            await asyncio.wait_for(done.acquire(), 5)


async def ok(writer):
    writer.write(REPLY)
    await writer.drain()


@asynccontextmanager
async def passing(path, within=5.0):
    passer = Passer(path, within=within)
    try:
        yield passer
    finally:
        await passer.close()


async def ask(passer, method="POST", body=b"{}"):
    async with passer.passed(method, "/admin/keys?a=%2F", {"content-type": "application/json"}, body) as reply:
        return reply.status, reply.headers, b"".join([chunk async for chunk in reply.chunks])


@pytest.mark.parametrize("folder", ["short", "long" * 40])
async def test_a_request_goes_there_and_its_reply_comes_back(tmp_path, folder):
    path = tmp_path / folder / "office.sock"
    path.parent.mkdir()
    async with office(path, ok) as seen, passing(path) as passer:
        status, headers, body = await ask(passer)
        assert (status, headers["content-type"], body) == (200, "application/json", b"{}")
        assert seen[0].startswith(b"POST /admin/keys?a=%2F HTTP/1.1\r\n")
        assert seen[0].endswith(b"{}")
        # Whose connection is closed after each finds the next one there.
        for _ in range(3):
            assert (await ask(passer))[0] == 200


async def test_nobody_is_there(tmp_path):
    async with passing(tmp_path / "office.sock") as passer:
        with pytest.raises(NotThere):
            await ask(passer)
        (tmp_path / "office.sock").touch()
        with pytest.raises(NotThere):
            await ask(passer)


async def test_silence_is_bounded(tmp_path):
    async def silent(_writer):
        pass

    path = tmp_path / "office.sock"
    async with office(path, silent), passing(path, within=0.05) as passer:
        with pytest.raises(NotThere, match="Timeout"):
            await asyncio.wait_for(ask(passer), 5)


async def test_a_reply_that_breaks_off_is_none(tmp_path):
    async def half(writer):
        writer.write(REPLY[:-1])
        writer.write_eof()

    path = tmp_path / "office.sock"
    async with office(path, half), passing(path) as passer:
        with pytest.raises(NotThere):
            await ask(passer)


async def test_nothing_is_sent_twice(tmp_path):
    async def leave(writer):
        writer.write_eof()

    path = tmp_path / "office.sock"
    async with office(path, leave) as seen, passing(path) as passer:
        with pytest.raises(NotThere):
            await ask(passer)
        assert len(seen) == 1
