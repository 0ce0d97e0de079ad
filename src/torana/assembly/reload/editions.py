"""Editions of the configuration: the one that calls are served from, and those before it that still have calls."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType

from torana.assembly.lending import Connections
from torana.auth.jwt import Authenticator
from torana.config.model import Settings
from torana.core.exchange import Plan
from torana.pipeline.flow import Snapshot

Keep = Callable[[Iterable[Plan]], None]
"""Told the plans that there are now, so that what belongs to none of them can be forgotten."""


class Edition:
    """A compiled configuration with what it keeps alive: its issuers' keys and its connections."""

    def __init__(
        self, settings: Settings, snapshot: Snapshot, authenticator: Authenticator, connections: Connections
    ) -> None:
        self.settings = settings
        self.snapshot = snapshot
        self.authenticator = authenticator
        self._connections = connections
        self._calls = 0
        self._retires = False
        self._idle = asyncio.Event()

    async def start(self) -> None:
        """Returns at once: keys are fetched meanwhile."""
        await self.authenticator.start()

    async def stop(self) -> None:
        """Drops all connections, whoever still uses them."""
        await self.authenticator.stop()
        await self._connections.close()

    def __enter__(self) -> Snapshot:
        """The snapshot, for one call; it is alive until the call lets go of it."""
        self._calls += 1
        return self.snapshot

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls -= 1
        if self._retires and not self._calls:
            self._idle.set()

    async def retire(self) -> None:
        """Stops when the last call lets go, or when the time that a call may take is over."""
        self._retires = True
        if self._calls:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.snapshot.deadline):
                    await self._idle.wait()
        await self.stop()

    def hurry(self) -> None:
        """Lets ``retire`` wait no longer."""
        self._idle.set()


class Editions:
    """Gives each call the current edition, and lets the ones before it end when their calls have."""

    def __init__(self, first: Edition, keep: Keep) -> None:
        self.current = first
        self._keep = keep
        self._retiring: dict[asyncio.Task[None], Edition] = {}

    async def start(self) -> None:
        """Start the first."""
        await self.current.start()

    async def stop(self) -> None:
        """Stop all, whoever still uses them."""
        for edition in self._retiring.values():
            edition.hurry()
        await asyncio.gather(*self._retiring, self.current.stop())

    def lend(self) -> Edition:
        """The current edition, whose snapshot a call enters: it keeps the one that it began with."""
        return self.current

    def replace(self, edition: Edition) -> None:
        """Serves all further calls from this one, which has been started."""
        former, self.current = self.current, edition
        self._forget()
        retiring = asyncio.create_task(self._retire(former))
        self._retiring[retiring] = former
        retiring.add_done_callback(self._retiring.pop)

    async def _retire(self, former: Edition) -> None:
        await former.retire()
        # Its last calls may have tried targets that are no more.
        self._forget()

    def _forget(self) -> None:
        self._keep(self.current.snapshot.catalog.plans)
