"""What runs while the gateway serves, in the order it starts and stops."""

import asyncio
from collections.abc import Callable

from torana.assembly.lending import Connections
from torana.auth.jwt import Authenticator
from torana.core.errors import WorkFailed
from torana.media.workers import Workers
from torana.storage.objects import Objects
from torana.telemetry.logs import Logger
from torana.telemetry.signals import Signals

_SWEEP_SECONDS = 30.0


class Sweeper:
    """Removes expired pictures now and then, and says when it had to remove others."""

    def __init__(self, objects: Objects, logger: Logger, signals: Signals) -> None:
        self._objects = objects
        self._logger = logger
        self._signals = signals

    async def run(self) -> None:
        """Sweeps until cancelled; a failing disk is reported and tried again."""
        while True:
            try:
                swept = await self._objects.sweep()
            except WorkFailed as error:
                self._logger.warning("sweep_failed", reason=error.reason)
            else:
                self._signals.evictions.inc(swept.evicted)
                if swept.evicted:
                    self._logger.warning("pictures_evicted", count=swept.evicted, setting="pictures.max_total")
            await asyncio.sleep(_SWEEP_SECONDS)


class Life:
    """Starts what serves, and stops it in the opposite order."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        workers: Workers,
        connections: Connections,
        sweeper: Sweeper,
        stop_spans: Callable[[], None],
    ) -> None:
        self._authenticator = authenticator
        self._workers = workers
        self._connections = connections
        self._sweeper = sweeper
        self._stop_spans = stop_spans
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns at once: workers warm up and keys are fetched while the first requests come."""
        await self._authenticator.start()
        await self._workers.start()
        self._sweeping = asyncio.create_task(self._sweeper.run())

    async def stop(self) -> None:
        """Leaves nothing running."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait((self._sweeping,))
        await self._workers.stop()
        await self._authenticator.stop()
        await self._connections.close()
        await asyncio.to_thread(self._stop_spans)
