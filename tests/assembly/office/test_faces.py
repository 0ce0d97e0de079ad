import asyncio
import socket
import stat
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from tests.assembly.kit import ISSUER, Log, settings_in
from torana.assembly.books.places import Places
from torana.assembly.office.faces import Faces, listen_at
from torana.assembly.office.standing import Standing
from torana.config.books import Admin
from torana.config.model import Auth
from torana.config.secrets import Secret
from torana.core.clock import SystemClock
from torana.storage.sql.database import Database, sqlite_url
from torana.storage.sql.schema import prepare
from torana.upstream.passing import Passer


@pytest.fixture
def log():
    return Log()


@asynccontextmanager
async def faces(directory, log, **rooms):
    (directory / "data").mkdir(parents=True)
    settings = settings_in(directory, **rooms)
    database = Database(sqlite_url(directory / "data"))
    prepare(database)
    standing = Standing(settings, None, log.logger)
    places = Places(directory / "data")
    made = Faces(standing, places, database, clock=SystemClock(), logger=log.logger)
    passer = Passer(places.socket, within=5)
    try:
        yield made, passer, standing
    finally:
        await passer.close()
        await asyncio.wait_for(made.close(), 10)
        database.close()
        assert not places.socket.exists()


async def status(passer, token="nobody's"):
    async with passer.passed("GET", "/admin/keys", {"authorization": f"Bearer {token}"}, b"") as reply:
        return reply.status


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("TORANA_JWT_SECRET", "a shared secret that nobody guesses")


@pytest.mark.parametrize("folder", ["short", "long" * 40])
async def test_it_answers_at_a_socket_that_is_nobody_elses(tmp_path, log, folder):
    async with faces(tmp_path / folder, log) as (made, passer, _):
        await made.tend()
        await made.tend()
        assert await status(passer) == 401
        mode = (tmp_path / folder / "data" / "office.sock").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


async def test_it_takes_over_from_one_that_was_killed(tmp_path, log):
    async with faces(tmp_path, log) as (made, passer, _):
        listen_at(tmp_path / "data" / "office.sock").close()
        await made.tend()
        assert await status(passer) == 401


async def test_a_port_that_is_taken_is_tried_again(tmp_path, log):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with faces(tmp_path, log, admin=Admin(port=port)) as (made, _, _):
            with pytest.raises(OSError, match="in use"):
                await made.tend()
            taken.close()
            await made.tend()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /admin/keys HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert b" 401 " in await asyncio.wait_for(reader.readline(), 5)
            writer.close()
    assert [event["event"] for event in log.events if event["event"] == "admin_listens"] == ["admin_listens"]


async def test_it_takes_up_new_settings_and_keeps_the_old_where_they_are_unsound(tmp_path, log):
    async with faces(tmp_path, log) as (made, passer, standing):
        await made.tend()
        assert await asyncio.gather(*(status(passer) for _ in range(8))) == [401] * 8
        first = made._made
        unsound = replace(ISSUER, secret=Secret(env="NO_SUCH_SECRET"))
        standing.settings = replace(standing.settings, auth=Auth(issuers=(unsound,)))
        assert await asyncio.gather(*(status(passer) for _ in range(8))) == [401] * 8
        assert made._made is first
        assert [event["event"] for event in log.events].count("reload_failed") == 1
        standing.settings = replace(standing.settings, auth=Auth(issuers=(ISSUER,)))
        assert await asyncio.gather(*(status(passer) for _ in range(8))) == [401] * 8
        assert made._made is not first
