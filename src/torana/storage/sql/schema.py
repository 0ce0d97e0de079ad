"""Brings a database's tables to what this version works with, and refuses those that it cannot.

A step of the way is done wholly or not at all, and by one process at a time, however many start together.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, inspect, select, text

from torana.storage.sql.database import Database, SchemaRefused
from torana.storage.sql.tables import METADATA, revision

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x746F72616E61  # "torana"
_RESTORE = "Restore a backup, or give it an empty database."


def prepare(database: Database) -> None:
    """Migrates to the newest revision; an empty database gets all tables.

    SchemaRefused when the tables are newer than this version knows, or half applied; they are left as they are.
    DatabaseUnavailable, also while another process migrates for longer than the database's timeout.
    """
    with database.begin() as connection:
        _alone(connection)
        if _revision(connection) != _newest():
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        _check(connection)


def check(database: Database) -> None:
    """Makes sure that the tables are what this version works with: SchemaRefused when not, DatabaseUnavailable."""
    with database.reading() as connection:
        if (found := _revision(connection)) != _newest():
            raise SchemaRefused(
                f"The database's tables are {'missing' if found is None else f'of the older revision {found}'}; "
                f"this version needs {_newest()}. Starting the gateway migrates them."
            )
        _check(connection)


def _alone(connection: Connection) -> None:
    """Keeps others out until the transaction ends. SQLite's writing transactions do so anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        # A step may take long where a table is large.
        connection.execute(text("SET LOCAL statement_timeout = 0"))


def _revision(connection: Connection) -> str | None:
    """Which revision the tables are, None when there are none; SchemaRefused when that cannot be known."""
    heads = MigrationContext.configure(connection).get_current_heads()
    if not heads:
        if found := sorted(METADATA.tables.keys() & inspect(connection).get_table_names()):
            raise SchemaRefused(
                f"The database has tables ({', '.join(found)}) but no record of which revision they are. {_RESTORE}"
            )
        return None
    unknown = set(heads) - {script.revision for script in _scripts().walk_revisions()}
    if unknown or len(heads) > 1:
        raise SchemaRefused(
            f"The database's tables are of revision {', '.join(heads)}, which this version does not know; the newest "
            f"that it knows is {_newest()}. Run the version that made them, or a newer one."
        )
    return heads[0]


def _check(connection: Connection) -> None:
    """SchemaRefused when anything is missing that a database of the newest revision has."""
    inspector = inspect(connection)
    there = {
        (table, column["name"])
        for (_, table), columns in inspector.get_multi_columns(filter_names=list(METADATA.tables)).items()
        for column in columns
    }
    needed = {(table.name, column.name) for table in METADATA.sorted_tables for column in table.columns}
    missing = [".".join(column) for column in sorted(needed - there)]
    if not missing and connection.scalar(select(func.count()).select_from(revision)) != 1:
        missing = ["the row of revision"]
    if missing:
        raise SchemaRefused(
            f"The database says that it is of revision {_newest()}, but lacks {', '.join(missing)}: it was changed by "
            f"other hands, or restored in part. {_RESTORE}"
        )


def _newest() -> str:
    head = _scripts().get_current_head()
    assert head is not None, "there is a first revision"
    return head


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
