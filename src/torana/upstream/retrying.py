"""A client that sends a message again where the upstream cannot charge twice, within a budget and the call's time."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from msgspec import structs

from torana.core.clock import Clock
from torana.core.errors import UpstreamCut, UpstreamUnreachable
from torana.core.exchange import Message
from torana.core.waits import retry_after
from torana.upstream.client import Client, Origin, Response, Timeouts

NOT_NOW = frozenset({408, 409, 429, 500, 502, 503, 504})
"""Replies that say "not now". 409 is one of them: servers say it when two calls met at a lock."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a message is sent again, and how long to wait before."""

    attempts: int
    """Sendings of one message, the first included."""
    budget: float
    """Repeats that each first sending earns."""
    burst: int
    """Repeats that are there from the start, and that can be saved up; one can be, whatever this says."""
    wait: float
    """The longest wait before the second sending, in seconds; doubled before each further one."""
    max_wait: float
    """The longest wait before any sending, in seconds, also where the upstream asks for one."""


class Retrying:
    """A client for one account. All sendings of a message stay within ``timeouts.total`` of its first.

    A message is sent again when there was no connection, when the connection of a GET broke before the reply, and
    after replies that say "not now", unless these (``x-should-retry: false``) or ``timeouts`` forbid it. The wait is
    drawn anew each time, so that those who failed together do not come back together, and added to what the reply asks
    for. Where that is too long, or attempts, budget or time are used up, the reply or error is given as it is.

    ``random`` gives numbers from 0 to 1; ``on_retry`` is told before each repeat, in a word, what went wrong:
    ``unreachable``, ``cut``, or ``status_`` and the status.
    """

    def __init__(
        self,
        client: Client,
        patience: Patience,
        *,
        clock: Clock,
        random: Callable[[], float],
        on_retry: Callable[[str], None],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.client = client
        self._patience = patience
        self._budget = _Budget(patience.budget, patience.burst)
        self._clock = clock
        self._random = random
        self._on_retry = on_retry
        self._sleep = sleep

    def send(
        self,
        message: Message,
        origin: Origin,
        *,
        timeouts: Timeouts,
        max_reply: int,
        headers: Sequence[tuple[str, str]] = (),
    ) -> "_Sending":
        """As the port says; ``message`` goes out again as the class says."""
        return _Sending(self, message, origin, timeouts, max_reply, headers)

    def begin(self) -> float:
        """A message is sent for the first time; the time."""
        self._budget.earn()
        return self._clock.ticks()

    def wait(self, trouble: "_Trouble", timeouts: Timeouts, *, sent: int, end: float) -> float | None:
        """Seconds before the next sending, which is paid for; None where there is to be none."""
        longest = self._patience.max_wait
        is_enough = timeouts.sendings is not None and sent >= timeouts.sendings
        if is_enough or sent >= self._patience.attempts or trouble.asked > longest:
            return None
        jitter = self._random() * min(self._patience.wait * 2 ** (sent - 1), longest)
        wait = min(trouble.asked + jitter, longest)
        return wait if wait < end - self._clock.ticks() and self._budget.spend() else None

    async def rest(self, wait: float, reason: str) -> float:
        """Let the wait pass and tell of the repeat; the time then."""
        await self._sleep(wait)
        self._on_retry(reason)
        return self._clock.ticks()


class _Sending:
    """The block of a message that may go out more than once."""

    __slots__ = ("_block", "_headers", "_max_reply", "_message", "_origin", "_retrying", "_timeouts")

    def __init__(
        self,
        retrying: Retrying,
        message: Message,
        origin: Origin,
        timeouts: Timeouts,
        max_reply: int,
        headers: Sequence[tuple[str, str]],
    ) -> None:
        self._retrying = retrying
        self._message = message
        self._origin = origin
        self._timeouts = timeouts
        self._max_reply = max_reply
        self._headers = headers

    async def __aenter__(self) -> Response:
        retrying, timeouts = self._retrying, self._timeouts
        end = retrying.begin() + timeouts.total
        limits, sent = timeouts, 0
        while True:
            block = self._block = retrying.client.send(
                self._message, self._origin, timeouts=limits, max_reply=self._max_reply, headers=self._headers
            )
            sent += 1
            try:
                reply = await block.__aenter__()
            except UpstreamUnreachable as error:
                trouble = _broken(error, self._message.method)
                wait = None if trouble is None else retrying.wait(trouble, timeouts, sent=sent, end=end)
                if trouble is None or wait is None:
                    raise
            else:
                if reply.status not in NOT_NOW or not _is_wanted(reply.status, timeouts):
                    return reply
                trouble = _refused(reply)
                wait = None if trouble is None else retrying.wait(trouble, timeouts, sent=sent, end=end)
                if trouble is None or wait is None:
                    return reply
                # What is not given is dropped before the wait, and its connection with it.
                await block.__aexit__(None, None, None)
            now = await retrying.rest(wait, trouble.reason)
            limits = structs.replace(timeouts, total=end - now)

    def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Coroutine[Any, Any, bool | None]:
        return self._block.__aexit__(kind, error, trace)


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What may pass by waiting, in a word, and the seconds that the upstream asks to wait."""

    reason: str
    asked: float = 0.0


class _Budget:
    """Repeats that may still be made: so an upstream that fails is not asked twice as often as one that works."""

    def __init__(self, share: float, burst: int) -> None:
        self._share = share
        self._most = max(burst, 1)
        self._left = float(burst)

    def earn(self) -> None:
        """A message is sent for the first time."""
        if self._left < self._most:
            self._left = min(self._left + self._share, self._most)

    def spend(self) -> bool:
        """Take one repeat; False where none is left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _broken(error: UpstreamUnreachable, method: str) -> _Trouble | None:
    """What went wrong, where the message may be sent again for all that the upstream can charge."""
    if isinstance(error, UpstreamCut):
        return _Trouble("cut") if method == "GET" else None
    return _Trouble("unreachable")


def _is_wanted(status: int, timeouts: Timeouts) -> bool:
    """Whether the caller wants the message sent again after such a reply."""
    return timeouts.again_on is None or status in timeouts.again_on


def _refused(reply: Response) -> _Trouble | None:
    """What the upstream says, unless it says that there is no use in asking again."""
    if reply.headers.get("x-should-retry") == "false":
        return None
    return _Trouble(f"status_{reply.status}", retry_after(reply.headers) or 0.0)
