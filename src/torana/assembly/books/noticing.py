"""Takes up what the office tells: who was let in, and what budgets had come to."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from torana.storage.notices import Notice
from torana.telemetry.logs import Logger

T = TypeVar("T")


@dataclass(slots=True)
class Noticing(Generic[T]):
    """Looks at a notice every so often, in seconds; ``learn`` is told its news until it says that it knows enough."""

    notice: Notice[T]
    learn: Callable[[T], Awaitable[bool]]
    every: float
    logger: Logger
    _trouble: str | None = None

    async def look(self) -> bool:
        """Once; whether ``learn`` knows enough. One that cannot be read is told once, and the last one still holds."""
        try:
            news = self.notice.news()
        except (OSError, ValueError) as error:
            if self._trouble != str(error):
                self._trouble = str(error)
                self.logger.warning("notice_unreadable", reason=self._trouble)
            return False
        return news is not None and await self.learn(news)

    async def run(self) -> None:
        """Until it is enough, or cancelled."""
        while not await self.look():  # noqa: ASYNC110 - another process writes it, and tells nobody
            await asyncio.sleep(self.every)
