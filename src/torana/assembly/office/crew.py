"""Everyone who works in the office, and who does what how often."""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from torana.assembly.books.counting import shared_purses
from torana.assembly.books.places import Health, Opened, Places
from torana.assembly.office.faces import Faces
from torana.assembly.office.standing import Standing
from torana.config.secrets import read_secret
from torana.core.clock import Clock
from torana.jobs.alerting import Alerting
from torana.jobs.opening import Opening
from torana.jobs.patience import Patience
from torana.jobs.publishing import Publishing
from torana.jobs.purses import ends_of
from torana.jobs.reaping import EVERY as REAP
from torana.jobs.reaping import Reaping
from torana.jobs.shipping import Shipping
from torana.jobs.telling import Telling
from torana.jobs.threads import in_thread
from torana.jobs.tidying import EVERY, Tidying
from torana.storage.journal.reading import Reader
from torana.storage.sql.alerts import AlertTable
from torana.storage.sql.database import Database
from torana.storage.sql.ledger.table import LedgerTable
from torana.storage.sql.offices import Offices
from torana.storage.sql.registers import Registers
from torana.telemetry.logs import Logger
from torana.upstream.posting import Poster

_TEND, _DELIVER, _TELL = 0.25, 2.0, 1.0
_LEAVE = 1.0

Work = Callable[[], Awaitable[object]]


class Crew:
    """The jobs, and what they share; made in a running event loop."""

    def __init__(self, standing: Standing, places: Places, database: Database, *, clock: Clock, logger: Logger) -> None:
        settings = standing.settings
        self._standing = standing
        self._places = places
        self._clock = clock
        self._logger = logger
        self._troubles: dict[str, str] = {}
        self._posted: frozenset[str] = frozenset()
        self._table = LedgerTable(database, clock, mended=lambda row: logger.error("row_mended", id=row))
        self._registers = Registers(database, clock)
        self._poster = Poster()
        webhook = settings.alerts.webhook
        self._alerting = Alerting(
            AlertTable(database),
            lambda: standing.budgets,
            settings.alerts,
            None if webhook is None else read_secret(webhook, os.environ).decode(),
            self._poster.post,
            clock,
            logger,
        )
        self._purses, self._close_purses = shared_purses(settings, os.environ)
        self._telling = None if self._purses is None else Telling(self._purses, places.debts, logger)
        self._shipping = Shipping(
            Reader(places.journal, clock),
            self._table,
            self._telling,
            self._alerting.watch,
            settings.ledger.batch,
            clock,
            logger,
        )
        self._publishing = Publishing(self._registers, places.registry, standing.learn)
        self._publisher = self._patience("registry", settings.database.poll)
        self._faces = Faces(standing, places, database, clock=clock, logger=logger)
        self._offices = Offices(database, clock)
        self._opening: Opening | None = None

    def news(self) -> None:
        """Has changes of the registry looked at now."""
        self._publisher.wake()

    async def work(self, ended: asyncio.Event) -> None:
        """All of it, until it is to end."""
        jobs: list[tuple[Patience, Work]] = [
            (self._publisher, self._publishing.publish),
            (self._patience("ledger", self._standing.settings.ledger.every), self._shipping.ship),
            (self._patience("counters", _TEND), self._open_own if self._telling is None else self._open_shared),
            (self._patience("admin", _TELL), self._faces.tend),
            (self._patience("alerts", _DELIVER), self._alerting.deliver),
            (self._patience("tidying", EVERY), self._tidying.tidy),
            (self._patience("health", _TELL), self._tell),
            *self._reaping,
        ]
        tasks = [asyncio.create_task(patience.run(work)) for patience, work in jobs]
        ending = asyncio.create_task(ended.wait())
        done, _ = await asyncio.wait((*tasks, ending), return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, ending):
            task.cancel()
        await asyncio.gather(*tasks, ending, self._faces.close(), return_exceptions=True)
        for task in done:
            # A job that ended did so by a defect: the office ends too, and is begun again.
            task.result()

    async def last(self) -> None:
        """Puts away what the gateway left."""
        self._shipping.release()
        await self._patience("ledger", _TEND).once(self._shipping.ship)

    async def leave(self) -> None:
        """Drops all connections but the database's."""
        await self._poster.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE):
                await self._close_purses()

    @property
    def _reaping(self) -> list[tuple[Patience, Work]]:
        """Nothing where each process counts for itself: it takes its purses with it."""
        if self._purses is None:
            return []
        reaping = Reaping(
            self._purses,
            self._offices,
            self._table,
            self._alerting.watch,
            lambda: self._standing.settings.server.deadline,
            self._clock,
            self._logger,
        )
        return [(self._patience("reaping", REAP), reaping.reap)]

    @property
    def _tidying(self) -> Tidying:
        return Tidying(self._table, self._standing.settings.ledger.keep, self._clock, self._logger)

    def _patience(self, name: str, every: float) -> Patience:
        def told(trouble: str | None) -> None:
            if trouble is None:
                self._troubles.pop(name, None)
            else:
                self._troubles[name] = trouble

        return Patience(name, every, self._logger, told)

    async def _open_shared(self) -> None:
        if self._opening is None and self._purses is not None and self._telling is not None:
            self._opening = Opening(
                await in_thread(office_name, self._places.name),
                self._purses,
                self._offices,
                self._table,
                self._shipping,
                self._telling,
                self._clock,
                self._logger,
            )
        if self._opening is not None:
            await self._opening.tend()

    async def _open_own(self) -> None:
        """Tells processes that began since the last time what budgets had come to before.

        Whoever died before one of them began was looked at after that, so all that he spent is in the totals.
        """
        living = self._shipping.reader.living
        if living <= self._posted:
            return
        await self._shipping.ship()
        now = self._clock.now()
        totals = [each for each in await in_thread(self._table.totals) if (ends_of(each.charge) or now) >= now]
        await in_thread(self._places.opened.post, Opened(tuple(sorted(living)), tuple(totals)))
        self._posted = living

    async def _tell(self) -> None:
        await in_thread(self._standing.look)
        trouble = next(iter(self._troubles.values()), None)
        with suppress(OSError):
            health = Health(self._clock.now(), self._shipping.shipped, trouble)
            await in_thread(self._places.health.post, health, lasting=False)


def office_name(path: Path) -> str:
    """The office's own, made once; whoever is killed meanwhile leaves none or a whole one. OSError."""
    with suppress(FileNotFoundError):
        name = path.read_text().strip()
        if name:
            return name
    new = path.with_name(f".{path.name}.new")
    with new.open("w") as file:
        file.write(secrets.token_hex(8))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    return path.read_text().strip()
