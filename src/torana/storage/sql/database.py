"""The way to a database: SQLite in a file, or PostgreSQL; transactions, bounds on time, and errors in our own words.

SQLite is run with a write-ahead log, so that readers never wait; who will write takes the lock at once, for two readers
that both go on to write would wait for each other.
"""

import math
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

_FILE = "torana.db"
_READING = "torana_reading"
_CHECKPOINT = "wal_autocheckpoint = 4000"
"""Pages, 16 MiB: a page that many rows of the ledger change is then written to the file once for all of them."""
_CLOSED = frozenset({"25006", "42501"})
"""PostgreSQL's codes for a server that takes no changes, as after a failover, and for rights that are missing."""
_DEFECTS = frozenset(
    {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_MISUSE}
    | {sqlite3.SQLITE_RANGE, sqlite3.SQLITE_TOOBIG}
)
"""What SQLite says when it is asked wrongly; whatever else it says, the file is to blame."""


class DatabaseUnavailable(Exception):
    """The database cannot be reached, cannot be written, or did not answer in time."""


class SchemaRefused(Exception):
    """The tables are not those that this version works with; the message says what to do."""


def sqlite_url(data_dir: Path) -> str:
    """Where the database is kept when the settings name none."""
    return URL.create("sqlite", database=str(data_dir.absolute() / _FILE)).render_as_string()


class Database:
    """A database and a few connections to it, for any number of threads; it connects when it is first used.

    ``url`` is ``sqlite:///path`` or ``postgresql://...``: ValueError when it is neither. No statement, connection or
    wait for one takes longer than ``timeout`` seconds.
    """

    def __init__(self, url: str, *, connections: int = 5, timeout: float = 10.0) -> None:
        place = _place(url)
        self.dialect: Literal["sqlite", "postgresql"] = "sqlite" if place.drivername == "sqlite" else "postgresql"
        """Which of the two it is."""
        self.engine: Engine = create_engine(
            place,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=timeout,
            pool_pre_ping=self.dialect == "postgresql",
            hide_parameters=True,
            connect_args=(_sqlite if self.dialect == "sqlite" else _postgresql)(place, timeout),
        )
        """SQLAlchemy's; what is done with it directly tells errors in SQLAlchemy's words."""
        if self.dialect == "sqlite":
            _set_up(self.engine, Path(place.database or ""))
        snapshot = {} if self.dialect == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        self._reading = self.engine.execution_options(**{_READING: True}, postgresql_readonly=True, **snapshot)

    def __repr__(self) -> str:
        return f"<Database {_told(self.engine.url)}>"

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction, to write in: committed at the end, undone by an exception. DatabaseUnavailable."""
        with self._in_our_words(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction, to read in: all its statements see the same moment, and it waits for no writer.

        DatabaseUnavailable.
        """
        with self._in_our_words(), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection without a transaction, for what lasts as long as the connection does: LISTEN, advisory locks.

        PostgreSQL alone. DatabaseUnavailable.
        """
        with self._in_our_words(), self.engine.connect() as connection:
            try:
                yield connection.execution_options(isolation_level="AUTOCOMMIT")
            finally:
                # What it holds goes with it, and must not wait in the pool for the next.
                connection.invalidate()

    def close(self) -> None:
        """Drops the connections."""
        self.engine.dispose()

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        driver = self.engine.dialect.loaded_dbapi
        try:
            yield
        except DBAPIError as error:
            if not _unavailable(error):
                raise
            raise DatabaseUnavailable(self._says(error.orig)) from error
        except NoConnectionFree as error:
            raise DatabaseUnavailable(self._says("every connection was in use all the time")) from error
        except driver.OperationalError as error:
            raise DatabaseUnavailable(self._says(error)) from error

    def _says(self, what: object) -> str:
        # PostgreSQL's driver says it in several lines, and logs and replies have one.
        said = "; ".join(line.strip() for line in str(what).strip().splitlines())
        return f"The database ({_told(self.engine.url)}) is not available: {said}"


def _unavailable(error: DBAPIError) -> bool:
    """Whether the database is to blame, not what it was asked."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        # SQLite's OperationalError is also what a missing table is. The first byte is the kind, the rest details.
        return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF not in _DEFECTS
    if error.connection_invalidated or getattr(cause, "sqlstate", None) in _CLOSED:
        return True
    return isinstance(error, OperationalError | InterfaceError)


def _told(place: URL) -> str:
    """A database's address without anything that could be secret."""
    if place.host is None:
        return f"{place.get_backend_name()} {place.database}"
    port = "" if place.port is None else f":{place.port}"
    return f"{place.get_backend_name()} {place.host}{port}/{place.database}"


def _place(url: str) -> URL:
    try:
        place = make_url(url)
    except (ArgumentError, ValueError):
        # Their messages repeat parts of it.
        raise ValueError("The database's URL cannot be read; write `postgresql://user:password@host/name`.") from None
    if place.drivername == "sqlite" and place.database not in {None, "", ":memory:"}:
        return place
    if place.drivername in {"postgresql", "postgres"}:
        return place.set(drivername="postgresql+psycopg")
    raise ValueError(
        f"The database's URL (`{place.drivername}:...`) is neither `postgresql://...` nor `sqlite:///path`."
    )


def _postgresql(place: URL, timeout: float) -> dict[str, Any]:
    """How to connect, but for what the URL itself says."""
    seconds, milliseconds = math.ceil(timeout), math.ceil(timeout * 1000)
    options = place.query.get("options", "")
    given = {
        "connect_timeout": seconds,
        "application_name": "torana",
        # So that a machine that is gone is noticed: the server's own bound went with it.
        "tcp_user_timeout": milliseconds,
        "keepalives_idle": seconds,
        "keepalives_interval": max(1, seconds // 3),
        "keepalives_count": 3,
    }
    ours = {name: value for name, value in given.items() if name not in place.query}
    # The last of two wins, so what the URL has stays.
    return {**ours, "options": f"-c statement_timeout={milliseconds} {options}".strip()}


def _sqlite(_place: URL, timeout: float) -> dict[str, Any]:
    return {"timeout": timeout}


def _set_up(engine: Engine, file: Path) -> None:
    """Takes transactions out of the hands of Python's driver, which begins them late and commits them early."""

    @event.listens_for(engine, "do_connect")
    def make(*_: object) -> None:
        if not file.exists():
            _make(file)

    @event.listens_for(engine, "connect")
    def connected(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None
        with closing(connection.cursor()) as cursor:
            # A file that was restored from a backup may have lost its mode.
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", _CHECKPOINT):
                cursor.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get(_READING)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _make(file: Path) -> None:
    """Lets an empty database spring up whole, for its owner's eyes only.

    To set the mode of one that others are opening does not wait for its lock, and fails.
    """
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
        os.close(handle)
        made = Path(name)
        try:
            with closing(sqlite3.connect(made)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
            with suppress(FileExistsError):
                file.hardlink_to(made)
        finally:
            made.unlink()
    except OSError as error:
        raise DatabaseUnavailable(f"The database's file cannot be made: {error}") from error
