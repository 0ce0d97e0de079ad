import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.admin.kit import House, database_in, house
from torana.config.load import load_text
from torana.storage.sql.database import Database
from torana.storage.sql.schema import prepare


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that is ready and empty."""
    directory = tmp_path_factory.mktemp("empty")
    database = database_in(directory)
    prepare(database)
    database.close()
    return directory


@pytest.fixture
def database(empty: Path, tmp_path: Path) -> Iterator[Database]:
    shutil.copytree(empty, tmp_path / "data")
    database = database_in(tmp_path / "data")
    yield database
    database.close()


@pytest.fixture
def make(database: Database) -> Callable[..., House]:
    """The API under a configuration, which is written as in a file."""

    def made(written: str = "", **given: Any) -> House:
        return house(database, load_text(written).settings, **given)

    return made


@pytest.fixture
def office(make: Callable[..., House]) -> House:
    return make()
