"""Calls that are sent twice and done once: the second joins the first in flight, or gets what was kept of it."""

import asyncio
import copy
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, TypeVar

from torana.config.upstreams import Idempotency
from torana.core.clock import Clock
from torana.core.content import File
from torana.core.errors import InvalidRequest, KeyReused, ToranaError

T = TypeVar("T")

PARAM = "Idempotency-Key"
ENTRY = 1024
"""Bytes that a kept reply counts for beyond its own, so that ``max_total`` bounds how many there are too."""
_KEY = re.compile(r"[!-~]{1,255}")


async def fingerprint(parts: Iterable[bytes | File]) -> str:
    """SHA-256 over parts, in hexadecimal: the same for the same parts in the same order, and for no others.

    Other tasks get their turn after every piece of an upload, however large it is.
    """
    digest = sha256()
    for part in parts:
        if isinstance(part, bytes):
            digest.update(b"%d bytes:" % len(part))
            digest.update(part)
        else:
            digest.update(b"%d bytes of a file:" % part.size)
            async for chunk in part.chunks():
                digest.update(chunk)
                await asyncio.sleep(0)
    return digest.hexdigest()


class Replays(Generic[T]):
    """The calls in flight and what was kept of earlier ones, for each caller by himself.

    A call is known by its ``Idempotency-Key``; one without a key by its parts, where the settings say so.
    """

    def __init__(self, clock: Clock, settings: Idempotency) -> None:
        self._settings = settings
        self._flights: dict[_Name, _Flight[T]] = {}
        self._shelf: _Shelf[T] = _Shelf(clock, settings.max_total)

    def joins(self, key: str | None) -> bool:
        """Whether ``once`` has anything to do for a call of this key; else the work may be done without it."""
        return key is not None or bool(self._settings.same_parts)

    async def once(
        self,
        caller: str,
        key: str | None,
        *,
        parts: Iterable[bytes | File],
        work: Callable[[], Awaitable[T]],
        size_of: Callable[[T], int],
    ) -> tuple[T, bool]:
        """What ``work`` gives, and whether it was done for an earlier call.

        ``parts`` are all that makes two requests the same; ``size_of`` says how many bytes a reply takes to keep. A
        reply is kept, and so is an error after which money is spent. Any other error is told to all who wait for it,
        and the next call may do better.

        The work goes on for as long as anybody waits for it. The call that began it ends no sooner than the work, even
        when it is cancelled: what the work reads is that call's.

        Raises InvalidRequest for what is no key, KeyReused for the key of another request, and what ``work`` raises.
        """
        if key is not None and not _KEY.fullmatch(key):
            raise InvalidRequest(f"'{PARAM}' must be 1 to 255 visible ASCII characters.", param=PARAM)
        ttl = self._settings.same_parts if key is None else self._settings.ttl
        if not ttl:
            return await work(), False
        alike = await fingerprint(parts)
        mark = _Mark((caller, key is not None, key or alike), alike, ttl)
        known = self._flights.get(mark.name) or self._shelf.find(mark.name)
        if known is None:
            return await self._begin(mark, work, size_of), False
        if known.mark.alike != alike:
            raise KeyReused(
                f"This '{PARAM}' came with another request before. Give every request a key of its own.", param=PARAM
            )
        outcome = known.outcome if isinstance(known, _Kept) else await self._wait(known)
        if isinstance(outcome, ToranaError):
            # A copy has no traceback, which would grow with every raising and hold on to what the first call held.
            raise copy.copy(outcome)
        return outcome, True

    async def _begin(self, mark: "_Mark", work: Callable[[], Awaitable[T]], size_of: Callable[[T], int]) -> T:
        flight = _Flight(mark, asyncio.create_task(self._do(mark, work, size_of)))
        self._flights[mark.name] = flight
        try:
            outcome = await self._wait(flight)
        finally:
            if not flight.task.done():
                await asyncio.wait((flight.task,))
        if isinstance(outcome, ToranaError):
            raise outcome
        return outcome

    async def _wait(self, flight: "_Flight[T]") -> T | ToranaError:
        """What comes of a flight; it is called off when the last who waited has gone."""
        flight.waiting += 1
        try:
            await asyncio.wait((flight.task,))
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                # At once, before it has ended: whoever comes next must not join what is called off.
                del self._flights[flight.mark.name]
                flight.task.cancel()
        return flight.task.result()

    async def _do(
        self, mark: "_Mark", work: Callable[[], Awaitable[T]], size_of: Callable[[T], int]
    ) -> T | ToranaError:
        try:
            done = await work()
        except ToranaError as error:
            if error.spent:
                self._shelf.put(mark, copy.copy(error), 0)
            return error
        self._shelf.put(mark, done, size_of(done))
        return done


_Name = tuple[str, bool, str]
"""The caller, whether he gave a key, and the key or the fingerprint in its place."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a call is known by."""

    name: _Name
    alike: str
    """The fingerprint."""
    ttl: float


@dataclass(slots=True)
class _Flight(Generic[T]):
    """Work under way, and how many wait for it."""

    mark: _Mark
    task: asyncio.Task[T | ToranaError]
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    """What came of a call."""

    mark: _Mark
    outcome: T | ToranaError
    size: int
    until: float


class _Shelf(Generic[T]):
    """What came of calls, in the order it came, ``room`` bytes at most."""

    def __init__(self, clock: Clock, room: int) -> None:
        self._clock = clock
        self._room = room
        self._taken = 0
        self._kept: OrderedDict[_Name, _Kept[T]] = OrderedDict()

    def find(self, name: _Name) -> _Kept[T] | None:
        """What is kept under a name."""
        kept = self._kept.get(name)
        if kept is not None and kept.until <= self._clock.ticks():
            self._drop(kept)
            return None
        return kept

    def put(self, mark: _Mark, outcome: T | ToranaError, size: int) -> None:
        """Keeps an outcome of ``size`` bytes; the oldest make room. One that is larger than all room is not kept."""
        now = self._clock.ticks()
        new = _Kept(mark, outcome, size + ENTRY, now + mark.ttl)
        former = self._kept.get(mark.name)
        if former is not None:
            self._drop(former)
        if new.size > self._room:
            return
        while self._kept and (self._oldest.until <= now or self._taken + new.size > self._room):
            self._drop(self._oldest)
        self._kept[mark.name] = new
        self._taken += new.size

    @property
    def _oldest(self) -> _Kept[T]:
        return next(iter(self._kept.values()))

    def _drop(self, kept: _Kept[T]) -> None:
        del self._kept[kept.mark.name]
        self._taken -= kept.size
