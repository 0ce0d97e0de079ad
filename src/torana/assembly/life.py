"""What runs while the gateway serves, in the order it starts and stops."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from torana.assembly.books.bookkeeping import Books
from torana.assembly.reload.editions import Editions
from torana.assembly.reload.hangup import listen, listen_no_more
from torana.assembly.reload.reloader import Reloader
from torana.core.errors import WorkFailed
from torana.media.workers import Workers
from torana.storage.objects.port import Swept
from torana.telemetry.logs import Logger
from torana.telemetry.signals import Signals


class Expiring(Protocol):
    """A store of what expires."""

    async def sweep(self) -> Swept:
        """Removes what expired."""
        ...


class Sweeper:
    """Removes what expired every so many seconds, or never for 0, and says when it had to remove more.

    ``kept`` says what it is, as the settings call it.
    """

    def __init__(
        self, objects: Expiring, logger: Logger, signals: Signals, *, every: float, kept: str = "pictures"
    ) -> None:
        self._objects = objects
        self._logger = logger
        self._signals = signals
        self._every = every
        self._evicted, self._setting = f"{kept}_evicted", f"{kept}.max_total"

    async def run(self) -> None:
        """Sweeps until cancelled; a failing store is reported and tried again."""
        while self._every:
            try:
                swept = await self._objects.sweep()
            except WorkFailed as error:
                self._logger.warning("sweep_failed", reason=error.reason)
            else:
                self._signals.evictions.inc(swept.evicted)
                if swept.evicted:
                    self._logger.warning(self._evicted, count=swept.evicted, setting=self._setting)
            await asyncio.sleep(self._every)


class Sweepers:
    """Several at once."""

    def __init__(self, *sweepers: Sweeper) -> None:
        self._sweepers = sweepers

    async def run(self) -> None:
        """Sweeps until cancelled."""
        await asyncio.gather(*(sweeper.run() for sweeper in self._sweepers))


class Life:
    """Starts what serves, and stops it in the opposite order.

    ``last_words`` are what operators are still to be told: they may block, and come one after the other.
    """

    def __init__(
        self,
        *,
        editions: Editions,
        reloader: Reloader,
        workers: Workers,
        sweeper: Sweeper | Sweepers,
        books: Books,
        last_words: Sequence[Callable[[], None]],
    ) -> None:
        self._editions = editions
        self._reloader = reloader
        self._workers = workers
        self._sweeper = sweeper
        self._books = books
        self._last_words = last_words
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Returns at once: workers warm up and keys are fetched while the first requests come."""
        listen(self._reloader.ask)
        await self._editions.start()
        await self._workers.start()
        works = (self._sweeper.run(), self._reloader.run(), *self._books.works)
        self._tasks = [asyncio.create_task(work) for work in works]

    async def stop(self) -> None:
        """Leaves nothing running."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._workers.stop()
        await self._editions.stop()
        await self._books.stop()
        for each in self._last_words:
            await asyncio.to_thread(each)
        listen_no_more()
