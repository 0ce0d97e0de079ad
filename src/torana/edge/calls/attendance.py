"""A call's work, and what goes on beside it: the client is watched, and previews are shown to him.

Most calls are over in a moment and show nothing. So the work is done in the task that asks for it, and others begin
only when there is something for them to do.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_WATCHED_AFTER = 0.25
"""Seconds after which the client is watched: nobody leaves sooner, or little is lost."""
_MOST_WAITING = 3
"""Unfinished pictures that wait for a client to take them: as many as he may ask for of one."""


class Attendance:
    """One piece of work, which may be ended from beside.

    ``gone`` returns when the client leaves, and may be awaited while the request ``is_read``.
    A client who is slow misses the older ones of the previews that are offered.
    """

    __slots__ = ("_gone", "_is_read", "_pump", "_reason", "_task", "_timer", "_waiting", "_watch")

    def __init__(self, gone: Callable[[], Awaitable[object]], is_read: Callable[[], bool]) -> None:
        self._gone = gone
        self._is_read = is_read
        self._task: asyncio.Task[object] | None = None
        self._reason: BaseException | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._waiting: deque[Callable[[], Awaitable[None]]] | None = None

    def offer(self, show: Callable[[], Awaitable[None]]) -> None:
        """Have a preview shown when its turn comes."""
        if self._waiting is None:
            self._waiting = deque(maxlen=_MOST_WAITING)
        self._waiting.append(show)
        if self._pump is None:
            self._pump = asyncio.create_task(_show_all(self._waiting))
            self._pump.add_done_callback(self._shown)

    def end(self, reason: BaseException) -> None:
        """Cancels the work; this is what comes of it then."""
        if self._task is not None and self._reason is None:
            self._reason = reason
            self._task.cancel()

    async def during(self, work: Awaitable[T], left: BaseException | None) -> T:
        """What comes of the work, when all that was offered until then is shown.

        The client's leave ends the work with ``left``; None has it go on without him.
        """
        task = self._task = asyncio.current_task()
        assert task is not None
        cancelling = task.cancelling()
        if left is not None:
            self._timer = asyncio.get_running_loop().call_later(_WATCHED_AFTER, self._begin_to_watch, left)
        try:
            try:
                done = await work
            except Exception:
                # What was shown before it comes before a failure.
                await self._all_shown()
                raise
            if self._pump is not None:
                await self._all_shown()
        except BaseException as failure:
            # Others may want an end of it at the same time, and they want it of more than this.
            if self._reason is None or (task.uncancel() > cancelling and isinstance(failure, asyncio.CancelledError)):
                raise
        else:
            if self._reason is None:
                return done
            task.uncancel()
        finally:
            self._task = None
            if self._timer is not None:
                self._timer.cancel()
            if self._watch is not None or self._pump is not None:
                await self._stop()
        raise self._reason

    async def _all_shown(self) -> None:
        while self._pump is not None and self._reason is None:
            await asyncio.wait((self._pump,))

    def _begin_to_watch(self, left: BaseException) -> None:
        if self._is_read():
            self._watch = asyncio.create_task(self._watch_for(left))
        else:
            # Whoever reads the request hears of it by himself.
            self._timer = asyncio.get_running_loop().call_later(_WATCHED_AFTER, self._begin_to_watch, left)

    async def _watch_for(self, left: BaseException) -> None:
        await self._gone()
        self.end(left)

    def _shown(self, pump: asyncio.Task[None]) -> None:
        self._pump = None
        failure = None if pump.cancelled() else pump.exception()
        if failure is not None:
            self.end(failure)

    async def _stop(self) -> None:
        going_on = [task for task in (self._watch, self._pump) if task is not None]
        for task in going_on:
            task.cancel()
        await asyncio.wait(going_on)


async def _show_all(waiting: deque[Callable[[], Awaitable[None]]]) -> None:
    while waiting:
        await waiting.popleft()()
