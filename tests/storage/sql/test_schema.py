"""``released`` keeps, for each revision and both databases, what one of that revision looked like, with data in every
table: made by ``sqlite3 .dump``, and by ``pg_dump --inserts`` without what is for psql alone.
"""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from torana.storage.sql import schema
from torana.storage.sql.database import DatabaseUnavailable, SchemaRefused
from torana.storage.sql.schema import check, prepare
from torana.storage.sql.tables import METADATA

RELEASED = Path(__file__).parent / "released"
REVISIONS = sorted({file.name.split(".")[0] for file in RELEASED.iterdir()})
NEXT = """
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.execute("CREATE TABLE extra (n INTEGER)")
    op.execute("{statement}")
"""


@pytest.fixture
def restored(empty_url):
    """Fills the database with what was released."""

    def restore(revision: str) -> None:
        dialect = empty_url.split(":")[0]
        script = (RELEASED / f"{revision}.{dialect}.sql").read_text()
        if dialect == "sqlite":
            with closing(sqlite3.connect(empty_url.removeprefix("sqlite:///"))) as connection:
                connection.executescript(script)
        else:
            with psycopg.connect(empty_url) as connection:
                connection.execute(script.encode())

    return restore


@pytest.fixture
def add_revision(tmp_path, monkeypatch):
    """Lets this be a later version, whose newest revision runs a statement."""

    def add(statement: str) -> None:
        later = tmp_path / "migrations"
        shutil.copytree(schema._MIGRATIONS, later)
        (later / "versions" / "0002_next.py").write_text(NEXT.format(statement=statement))
        monkeypatch.setattr(schema, "_MIGRATIONS", later)

    return add


def rows(database):
    with database.reading() as connection:
        return {
            table: sorted([dict(row._mapping) for row in connection.execute(text(f'SELECT * FROM "{table}"'))], key=str)
            for table in inspect(connection).get_table_names()
            if table != "alembic_version"
        }


def test_every_revision_is_kept():
    made = {script.revision for script in schema._scripts().walk_revisions()}
    kept = {f"{revision}.{dialect}.sql" for revision in made for dialect in ("sqlite", "postgresql")}
    assert kept == {file.name for file in RELEASED.iterdir()}


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_was_released_is_brought_to_the_newest(empty_url, restored, opened, revision):
    restored(revision)
    database = opened(empty_url)
    before = rows(database)
    assert all(before.values())
    prepare(database)
    check(database)
    after = rows(database)
    for table, entries in before.items():
        assert [{name: row[name] for name in old} for old, row in zip(entries, after[table], strict=True)] == entries
    with database.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    with pytest.raises(DBAPIError, match="append-only"), database.begin() as connection:
        connection.execute(text("DELETE FROM audit"))


def test_an_empty_database_gets_all_tables_and_keeps_them(empty_url, opened):
    database = opened(empty_url)
    with pytest.raises(SchemaRefused, match=r"are missing; this version needs \d+. Starting the gateway"):
        check(database)
    for _ in range(2):
        prepare(database)
        check(database)
        with database.begin() as connection:
            connection.execute(text("UPDATE revision SET number = number + 1"))
    with database.begin() as connection:
        assert connection.execute(text("SELECT one, number, generation FROM revision")).all() == [(1, 2, 0)]


def test_many_prepare_at_once(empty_url, opened):
    databases = [opened(empty_url, connections=1, timeout=30) for _ in range(10)]
    with ThreadPoolExecutor(10) as threads:
        list(threads.map(prepare, databases))
    assert rows(databases[0])["revision"] == [{"one": 1, "number": 0, "generation": 0}]


def test_who_waits_too_long_is_told(empty_url, opened):
    hasty = opened(empty_url, timeout=0.1)
    with opened(empty_url).begin() as connection:
        schema._alone(connection)
        with pytest.raises(DatabaseUnavailable):
            prepare(hasty)


def test_others_tables_are_left_alone(empty_url, opened):
    database = opened(empty_url)
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE somebody (n INTEGER)"))
    prepare(database)
    assert rows(database)["somebody"] == []


def test_an_older_revision_is_brought_on_and_a_newer_one_refused(database, add_revision, monkeypatch):
    add_revision("ALTER TABLE teams ADD COLUMN colour TEXT")
    with pytest.raises(SchemaRefused, match="of the older revision 0001; this version needs 0002"):
        check(database)
    prepare(database)
    check(database)
    monkeypatch.undo()
    for refuse in (prepare, check):
        with pytest.raises(SchemaRefused, match=r"revision 0002, which this version does not know; .* knows is 0001"):
            refuse(database)
    assert "extra" in rows(database)


def test_a_migration_that_fails_leaves_nothing(database, add_revision, monkeypatch):
    before = rows(database)
    add_revision("ALTER TABLE nowhere ADD COLUMN colour TEXT")
    with pytest.raises(DBAPIError):
        prepare(database)
    monkeypatch.undo()
    assert rows(database) == before
    check(database)


@pytest.mark.parametrize(
    ("statement", "lacks"),
    [
        ("DROP TABLE spend", "lacks spend.amount, spend.budget"),
        ("ALTER TABLE teams DROP COLUMN description", "lacks teams.description:"),
        ("DELETE FROM revision", "lacks the row of revision"),
        ("DROP TABLE alembic_version", r"has tables \(alerts, audit, .*\) but no record of which revision"),
        ("DELETE FROM alembic_version", "no record of which revision"),
    ],
)
def test_what_is_half_there_is_refused(database, statement, lacks):
    with database.begin() as connection:
        connection.execute(text(statement))
    before = rows(database)
    for refuse in (prepare, check):
        with pytest.raises(SchemaRefused, match=f"{lacks}.*Restore a backup, or give it an empty database"):
            refuse(database)
    assert rows(database) == before
