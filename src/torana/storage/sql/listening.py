"""Hears at once of changes that others make, as PostgreSQL tells them."""

from collections.abc import Callable
from contextlib import closing
from threading import Event

from torana.storage.sql.database import Database, DatabaseUnavailable
from torana.storage.sql.registers import CHANNEL

_PULSE = 0.2
"""How long it takes at most until a stop is seen, in seconds."""
_PAUSE = 0.5
"""Between attempts to connect, in seconds."""


def changes(url: str, stop: Event, told: Callable[[], None], *, timeout: float = 10.0) -> None:
    """Blocks until ``stop`` is set, and calls ``told`` after each change, once for several that come together.

    Also after each time it has connected, because of what was missed. While the database is not there it goes on
    trying. SQLite tells of nothing: then it returns at once. ``timeout``: how long to connect may take, in seconds.
    """
    with closing(Database(url, connections=1, timeout=timeout)) as database:
        while database.dialect == "postgresql" and not stop.is_set():
            try:
                _listen(database, stop, told)
            except DatabaseUnavailable:
                stop.wait(_PAUSE)


def _listen(database: Database, stop: Event, told: Callable[[], None]) -> None:
    with database.session() as connection:
        connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        told()
        listening = connection.connection.driver_connection
        assert listening is not None
        while not stop.is_set():
            if list(listening.notifies(timeout=_PULSE, stop_after=1)):
                told()
