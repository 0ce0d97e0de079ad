"""A client that sends a message again where the upstream cannot charge twice, within a budget and the call's time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count

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
        self._client = client
        self._patience = patience
        self._budget = _Budget(patience.budget, patience.burst)
        self._clock = clock
        self._random = random
        self._on_retry = on_retry
        self._sleep = sleep

    @asynccontextmanager
    async def send(
        self,
        message: Message,
        origin: Origin,
        *,
        timeouts: Timeouts,
        max_reply: int,
        headers: Sequence[tuple[str, str]] = (),
    ) -> AsyncIterator[Response]:
        """As the port says; ``message`` goes out again as the class says."""
        self._budget.earn()
        end = self._clock.ticks() + timeouts.total
        again_on = NOT_NOW if timeouts.again_on is None else NOT_NOW & timeouts.again_on
        for sent in count(1):
            limits = replace(timeouts, total=end - self._clock.ticks())
            sending = self._client.send(message, origin, timeouts=limits, max_reply=max_reply, headers=headers)
            # What is not given is dropped before the wait, and its connection with it.
            async with AsyncExitStack() as stack:
                outcome = await _outcome(stack, sending)
                trouble = _trouble(outcome, message.method, again_on)
                is_enough = timeouts.sendings is not None and sent >= timeouts.sendings
                left = end - self._clock.ticks()
                wait = None if trouble is None or is_enough else self._wait(trouble, sent=sent, left=left)
                if trouble is None or wait is None:
                    yield _given(outcome)
                    return
            await self._sleep(wait)
            self._on_retry(trouble.reason)

    def _wait(self, trouble: "_Trouble", *, sent: int, left: float) -> float | None:
        """Seconds before the next sending, which is paid for; None where there is to be none."""
        longest = self._patience.max_wait
        if sent >= self._patience.attempts or trouble.asked > longest:
            return None
        jitter = self._random() * min(self._patience.wait * 2 ** (sent - 1), longest)
        wait = min(trouble.asked + jitter, longest)
        return wait if wait < left and self._budget.spend() else None


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
        self._left = min(self._left + self._share, self._most)

    def spend(self) -> bool:
        """Take one repeat; False where none is left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


async def _outcome(
    stack: AsyncExitStack, sending: AbstractAsyncContextManager[Response]
) -> Response | UpstreamUnreachable:
    try:
        return await stack.enter_async_context(sending)
    except UpstreamUnreachable as error:
        return error


def _given(outcome: Response | UpstreamUnreachable) -> Response:
    if isinstance(outcome, UpstreamUnreachable):
        raise outcome
    return outcome


def _trouble(outcome: Response | UpstreamUnreachable, method: str, again_on: frozenset[int]) -> _Trouble | None:
    """What went wrong, where the message may be sent again for all that the upstream can charge."""
    match outcome:
        case UpstreamCut():
            return _Trouble("cut") if method == "GET" else None
        case UpstreamUnreachable():
            return _Trouble("unreachable")
        case Response(status=status, headers=headers) if status in again_on:
            is_forbidden = headers.get("x-should-retry") == "false"
            return None if is_forbidden else _Trouble(f"status_{status}", retry_after(headers) or 0.0)
    return None
