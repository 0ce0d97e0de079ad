"""Both databases, migrated and empty: a SQLite file, and a database of a real PostgreSQL."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from tests.storage.sql.servers import PostgreSQL, postgresql
from torana.core.clock import FakeClock
from torana.storage.sql.database import Database
from torana.storage.sql.registers import Registers
from torana.storage.sql.schema import prepare

_NUMBERS = count()


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSQL]:
    """A PostgreSQL that all tests share: who stops it starts one of his own."""
    with postgresql() as running:
        yield running


@pytest.fixture(scope="session")
def migrated(server: PostgreSQL) -> str:
    """The name of a database to copy."""
    with closing(Database(server.create("migrated"))) as database:
        prepare(database)
    return "migrated"


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file to copy."""
    file = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    with closing(Database(f"sqlite:///{file}")) as database:
        prepare(database)
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a database is that nothing is in yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'torana.db'}"
    server: PostgreSQL = request.getfixturevalue("server")
    return server.create(f"empty_{next(_NUMBERS)}")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a database is that is migrated and otherwise empty."""
    if request.param == "sqlite":
        file = tmp_path / "torana.db"
        with (
            closing(sqlite3.connect(request.getfixturevalue("migrated_file"))) as migrated,
            closing(sqlite3.connect(file)) as copy,
        ):
            migrated.backup(copy)
        return f"sqlite:///{file}"
    server: PostgreSQL = request.getfixturevalue("server")
    return server.create(f"test_{next(_NUMBERS)}", request.getfixturevalue("migrated"))


@pytest.fixture
def opened() -> Iterator[Callable[..., Database]]:
    """Opens databases that are closed when the test is over."""
    databases: list[Database] = []

    def open_it(url: str, **settings: float) -> Database:
        databases.append(Database(url, **settings))  # type: ignore[arg-type]  # connections are a whole number
        return databases[-1]

    yield open_it
    for database in databases:
        database.close()


@pytest.fixture
def database(url: str, opened: Callable[..., Database]) -> Database:
    """Migrated and empty."""
    return opened(url)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def registers(database: Database, clock: FakeClock) -> Registers:
    """Of that database, by that clock."""
    return Registers(database, clock)
