"""The offices that share a database: which of them live, and whether all have handed in what they know."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, delete, func, select

from torana.core.clock import Clock
from torana.storage.sql import differences
from torana.storage.sql.database import Database
from torana.storage.sql.tables import offices, revision

_LOCK = 0x6F666669636573  # "offices"


class Offices:
    """The table ``offices``, and the generation of counters; all of it raises DatabaseUnavailable.

    A generation begins when shared counters were lost and are opened anew. They can be trusted again when every living
    office has handed in, for that generation, all that its journal holds.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def seen(self, id_: str, generation: int) -> None:
        """An office lives, and has handed in everything for that generation and those before it."""
        with self._database.begin() as connection:
            statement = differences.insert(connection, offices)
            statement = statement.on_conflict_do_update(
                index_elements=[offices.c.id],
                set_={"seen": statement.excluded.seen, "generation": statement.excluded.generation},
            )
            connection.execute(statement, {"id": id_, "seen": self._now(connection), "generation": generation})

    def generation(self) -> int:
        """The one that runs; 0 before the first."""
        with self._database.reading() as connection:
            generation: int | None = connection.scalar(select(revision.c.generation))
        return generation or 0

    def begin_generation(self) -> int:
        """Begins the next, and says which it is."""
        with self._database.begin() as connection:
            statement = differences.insert(connection, revision).on_conflict_do_update(
                index_elements=[revision.c.one], set_={"generation": revision.c.generation + 1}
            )
            begun: int | None = connection.scalar(
                statement.returning(revision.c.generation), {"one": 1, "number": 0, "generation": 1}
            )
        assert begun is not None, "the row is there now"
        return begun

    def waiting_for(self, generation: int, *, alive_within: float) -> list[str]:
        """Ids of the offices that were seen within so many seconds and have not handed in for that generation."""
        with self._database.reading() as connection:
            living = offices.c.seen >= self._now(connection) - alive_within
            asked = select(offices.c.id).where(living, offices.c.generation < generation).order_by(offices.c.id)
            return list(connection.scalars(asked))

    def forget(self, unseen_for: float) -> int:
        """Those that were last seen longer ago than so many seconds; how many they were."""
        with self._database.begin() as connection:
            gone = delete(offices).where(offices.c.seen < self._now(connection) - unseen_for)
            return connection.execute(gone).rowcount

    def _now(self, connection: Connection) -> float:
        """Offices on several machines go by the server's clock: their own may differ."""
        if self._database.dialect == "sqlite":
            return self._clock.now()
        return float(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())

    @contextmanager
    def exclusively(self) -> Iterator[bool]:
        """True while no other office is in here, False when one is; nobody waits.

        The lock is PostgreSQL's, and goes with the connection if this process dies. On SQLite there is one office,
        which always gets True.
        """
        if self._database.dialect == "sqlite":
            yield True
            return
        with self._database.session() as connection:
            yield bool(connection.scalar(select(func.pg_try_advisory_lock(_LOCK))))
