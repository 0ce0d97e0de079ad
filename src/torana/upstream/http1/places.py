"""Places for exchanges with one address."""

import asyncio

from torana.core.errors import Overloaded

_COME_BACK = 1.0
"""Seconds after which it is worth asking again where too many wait."""


class Places:
    """``count`` places, given in the order of asking; as many as ``waiting`` exchanges wait for one at most."""

    __slots__ = ("_free", "_most", "users")

    def __init__(self, count: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(count)
        self._most = count + waiting
        self.users = 0
        """Exchanges that have a place or wait for one."""

    async def take(self) -> None:
        """Take a place, when there is one; Overloaded."""
        if self.users >= self._most:
            raise Overloaded("Too many calls wait for this upstream.", retry_after=_COME_BACK, reason="upstream_queue")
        self.users += 1
        try:
            await self._free.acquire()
        except BaseException:
            self.users -= 1
            raise

    def give(self) -> None:
        """Give one back."""
        self.users -= 1
        self._free.release()
