import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from torana.assembly.office.asking import Request
from torana.assembly.office.local import Local, OfficeClosed, local_office
from torana.config.books import Database
from torana.config.model import Server, Settings
from torana.config.secrets import Secret, SecretMissing
from torana.storage.sql import database as databases


def settings_in(directory: Path, **given: Any) -> Settings:
    return Settings(server=Server(data_dir=str(directory / "data")), **given)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Local]:
    with local_office(settings_in(tmp_path), "root") as office:
        yield office


async def ask(office: Local, request: Request) -> tuple[int, Any]:
    pieces: list[bytes] = []
    statuses: set[int] = set()

    def take(status: int, piece: bytes) -> None:
        statuses.add(status)
        pieces.append(piece)

    await office.ask(request, take)
    return statuses.pop(), json.loads(b"".join(pieces))


async def test_whoever_can_open_the_database_may_do_everything(office: Local) -> None:
    status, told = await ask(office, Request("GET", ("whoami",)))
    assert status == 200
    assert told == {
        "name": "local:root", "role": "admin", "teams": [], "issuer": "local", "key": None, "origin": "command line",
    }  # fmt: skip
    assert (await ask(office, Request("PUT", ("users", "anna"), body=b'{"roles": ["admin"]}')))[0] == 200
    _, changes = await ask(office, Request("GET", ("audit",)))
    assert [(each["actor"], each["origin"]) for each in changes["data"]] == [("local:root", "command line")]


async def test_a_reply_that_comes_in_pieces(office: Local) -> None:
    pieces: list[tuple[int, bytes]] = []
    await office.ask(Request("GET", ("ledger",), {"format": "csv"}), lambda *piece: pieces.append(piece))
    assert pieces[0][1].startswith(b"id,request_id,")
    assert {status for status, _ in pieces} == {200}


def test_what_is_kept_is_there_the_next_time(tmp_path: Path) -> None:
    for _ in range(2):
        with local_office(settings_in(tmp_path), "root"):
            assert (tmp_path / "data" / "torana.db").exists()


def test_no_database(tmp_path: Path) -> None:
    with (
        pytest.raises(OfficeClosed, match=r"`database\.enabled` is false"),
        local_office(settings_in(tmp_path, database=Database(enabled=False)), "root"),
    ):
        pass
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("url", "says"), [("mysql://root@localhost/torana", "mysql"), ("postgresql://127.0.0.1:1/torana", "not available")]
)
def test_a_database_that_is_of_no_use(tmp_path: Path, url: str, says: str) -> None:
    settings = settings_in(tmp_path, database=Database(url=Secret(env="DB")))
    with pytest.raises(OfficeClosed, match=says), local_office(settings, "root", {"DB": url}):
        pass
    with pytest.raises(SecretMissing), local_office(settings, "root", {}):
        pass


def test_tables_of_another_version(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with local_office(settings, "root"):
        pass
    database = databases.Database(databases.sqlite_url(tmp_path / "data"))
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'tomorrow'")
    database.close()
    with (
        pytest.raises(OfficeClosed, match="tomorrow, which this version does not know"),
        local_office(settings, "root"),
    ):
        pass
