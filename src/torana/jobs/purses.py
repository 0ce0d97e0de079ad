"""Counters of money as the office deals with them, and the ledger's words turned into theirs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from msgspec import Struct

from torana.core.ledger import Charge, Opened, Row, Spent
from torana.core.periods import end_of
from torana.storage.counters import port
from torana.storage.counters.port import Charged, CountersUnavailable, Reservation, Reserve
from torana.storage.counters.purses import pieces

T = TypeVar("T")

BOUND = 5.0
"""How long counters may take for one answer, in seconds."""

_PIECE = 1000
"""So many purses are filled within one bound."""


class Purses(port.Purses, Protocol):
    """Shared counters of money; every method raises CountersUnavailable when they fail."""

    async def run(self) -> str:
        """Names the store's present life: another name means that it may have forgotten things."""
        ...

    async def stale(self, age: float, *, limit: int) -> list[Reservation]:
        """Who has had something reserved for longer than ``age`` seconds, the oldest first, and so many at most.

        Fewer may be given although there are more.
        """
        ...

    async def charge(self, holder: str, charged: Sequence[Charged]) -> bool:
        """Charges what ``holder`` has reserved, once, and also while the purses are closed; whether he had it in each.

        Gateways cannot do so then: only who fills the purses knows what of it is in the totals.
        """
        ...


class Bounded:
    """Purses that answer within ``bound`` seconds or raise CountersUnavailable: a store that hangs holds up nobody."""

    def __init__(self, purses: Purses, bound: float = BOUND) -> None:
        self._purses = purses
        self._bound = bound

    async def run(self) -> str:
        """Names the store's present life."""
        return await self._in_time(self._purses.run)

    async def opened(self) -> str | None:
        """The name of the last opening."""
        return await self._in_time(self._purses.opened)

    async def open(
        self, name: str, spent: Sequence[Charged] = (), reserved: Sequence[tuple[str, Reserve]] = ()
    ) -> None:
        """Restores the purses, and only then opens them."""
        await self.restore(spent, reserved)
        await self._in_time(lambda: self._purses.open(name))

    async def restore(self, spent: Sequence[Charged], reserved: Sequence[tuple[str, Reserve]]) -> None:
        """Fills the purses, a piece within each bound."""
        await self.raise_to(spent)
        for piece in pieces(reserved, _PIECE):
            await self._in_time(lambda piece=piece: self._purses.restore((), piece))  # type: ignore[misc]  # its own

    async def raise_to(self, spent: Sequence[Charged]) -> None:
        """Lets at least so much be spent of each, a piece within each bound."""
        for begin in range(0, len(spent), _PIECE):
            piece = spent[begin : begin + _PIECE]
            await self._in_time(lambda piece=piece: self._purses.raise_to(piece))  # type: ignore[misc]  # its own

    async def charge(self, holder: str, charged: Sequence[Charged]) -> bool:
        """Charges what ``holder`` has reserved."""
        return await self._in_time(lambda: self._purses.charge(holder, charged))

    async def stale(self, age: float, *, limit: int) -> list[Reservation]:
        """Who has had something reserved for too long."""
        return await self._in_time(lambda: self._purses.stale(age, limit=limit))

    async def _in_time(self, asked: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._bound):
                return await asked()
        except TimeoutError as error:
            raise CountersUnavailable(f"The store of counters did not answer in {self._bound:g} s.") from error


class Debt(Struct, frozen=True, array_like=True):
    """A call that is over, and for which counters may hold money that is to be charged, or free."""

    holder: str
    charges: tuple[Charge, ...]
    amount: int
    """Nano-dollars, to each."""

    @property
    def charged(self) -> list[Charged]:
        """As counters are told."""
        return [Charged(each.key, self.amount, ends_of(each)) for each in self.charges]


class Debts(Struct, frozen=True):
    """All that are known."""

    owed: tuple[Debt, ...] = ()


def charged(spent: Spent) -> Charged:
    """What a share of a budget has come to."""
    return Charged(spent.charge.key, spent.amount, ends_of(spent.charge))


def current(totals: Sequence[Spent], now: float) -> list[Charged]:
    """What was spent in periods that are not over, at a moment in seconds since the epoch."""
    every = [charged(spent) for spent in totals]
    return [each for each in every if each.ends is None or each.ends > now]


def debt_of(row: Row) -> Debt:
    """What a finished call is charged."""
    return Debt(row.opened.id, row.opened.charges, row.closed.charged)


def reserved_by(opened: Opened) -> list[tuple[str, Reserve]]:
    """What a call that goes on has reserved."""
    return [(opened.id, Reserve(each.key, opened.reserved, limit=None, ends=ends_of(each))) for each in opened.charges]


def ends_of(charge: Charge) -> float | None:
    """When its period is over, in seconds since the epoch; one that only another version knows counts as endless."""
    with suppress(ValueError):
        return end_of(charge.period)
    return None
