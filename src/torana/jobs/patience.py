"""Work that is done again and again for as long as the office lives, whatever the database does meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from torana.storage.counters.port import CountersUnavailable
from torana.storage.sql.database import DatabaseUnavailable
from torana.telemetry.logs import Logger

_LONGEST_PAUSE = 5.0


@dataclass(slots=True)
class Patience:
    """Does work every so often; while the database, the counters or the disk fail it waits longer, and says so once."""

    name: str
    every: float
    logger: Logger
    told: Callable[[str | None], None] = lambda _trouble: None
    """Told of what is amiss, and with None when it is well again."""
    _pause: float = 0.0
    _woken: asyncio.Event | None = None

    def wake(self) -> None:
        """Have it done now; to be called in the event loop."""
        if self._woken is not None:
            self._woken.set()

    async def run(self, work: Callable[[], Awaitable[object]]) -> None:
        """Until cancelled."""
        self._woken = woken = asyncio.Event()
        while True:
            await self.once(work)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause or self.every):
                    await woken.wait()
            woken.clear()

    async def once(self, work: Callable[[], Awaitable[object]]) -> bool:
        """Whether it could be done."""
        try:
            await work()
        except (DatabaseUnavailable, CountersUnavailable, OSError) as error:
            if not self._pause:
                self.logger.warning("work_waits", work=self.name, reason=str(error))
                self.told(str(error))
            self._pause = min(max(2 * self._pause, self.every), _LONGEST_PAUSE)
            return False
        if self._pause:
            self.logger.info("work_goes_on", work=self.name)
            self.told(None)
        self._pause = 0.0
        return True
