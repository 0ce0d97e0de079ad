"""Purses in this process: what was spent of each budget in a period, and what is reserved."""

import math
from collections.abc import Iterator, Sequence

from msgspec import Struct

from torana.core.clock import Clock
from torana.storage.counters.port import Balance, Charged, CountersUnavailable, PursesClosed, Reserve

FORGOTTEN_AFTER = 7 * 86_400
"""How long a purse is kept when its period is over, in seconds: what began in it is settled there."""


def pieces(reserved: Sequence[tuple[str, Reserve]], most: int) -> Iterator[Sequence[tuple[str, Reserve]]]:
    """All of it in pieces of about so many; what one holder has is never in two of them."""
    begin = 0
    while begin < len(reserved):
        end = begin + most
        while end < len(reserved) and reserved[end][0] == reserved[end - 1][0]:
            end += 1
        yield reserved[begin:end]
        begin = end


class _Purse(Struct):
    """In nano-dollars."""

    ends: float = math.inf
    spent: int = 0
    reserved: int = 0
    holders: dict[str, int] = {}
    """How much each has reserved."""


_EMPTY = _Purse()
"""One that is new; only to be looked at."""


class MemoryPurses:
    """``room`` purses at most. Money is never evicted: those of ended periods make way, and else there is no room.

    A purse of which nothing was spent and nothing is reserved is none: calls that cost nothing take up no room.
    They are closed until they are opened: what was spent before this process began is not known here.
    """

    def __init__(self, clock: Clock, room: int) -> None:
        self.opened: str | None = None
        """By which name; None while they are closed."""
        self._clock = clock
        self._room = room
        self._purses: dict[str, _Purse] = {}
        self._ending: dict[float, dict[str, None]] = {}
        """The purses by when their periods end, few moments and many purses; of one moment, the oldest first."""

    def short(self, reserves: Sequence[Reserve], holder: str) -> int | None:
        """The first that finds too little; when there is none, ``reserve`` will succeed.

        PursesClosed, or CountersUnavailable when a purse is new and there is no room for it.
        """
        if self.opened is None:
            raise PursesClosed("The purses are not opened yet.")
        known = self._purses
        for reserve in reserves:
            purse = known.get(reserve.key)
            if purse is None:
                if holder:
                    self._make_room({each.key for each in reserves})
                purse = _EMPTY
            limit = reserve.limit
            if limit is None or purse.spent + purse.reserved + reserve.amount <= limit:
                continue
            if holder not in purse.holders:
                return reserves.index(reserve)
        return None

    def reserve(self, reserves: Sequence[Reserve], holder: str) -> None:
        """Sets it aside, once for each holder."""
        for reserve in reserves:
            purse = self._purses.get(reserve.key) or self._purse(reserve.key, reserve.ends)
            holders = purse.holders
            if holder not in holders:
                holders[holder] = amount = reserve.amount
                purse.reserved += amount

    def balances(self, reserves: Sequence[Reserve]) -> tuple[Balance, ...]:
        """How the purses stand."""
        purses = [(reserve, self._purses.get(reserve.key, _EMPTY)) for reserve in reserves]
        return tuple([Balance(reserve, purse.spent, purse.reserved) for reserve, purse in purses])

    def settle(self, charged: Sequence[Charged], holder: str) -> bool:
        """Frees what the holder has reserved, and spends what is charged where he has; whether he has everywhere."""
        if self.opened is None:
            return not charged
        everywhere = True
        for charge in charged:
            purse = self._purses.get(charge.key, _EMPTY)
            reserved = purse.holders.pop(holder, None)
            if reserved is None:
                everywhere = False
                continue
            purse.reserved -= reserved
            purse.spent += charge.amount
            if not purse.spent and not purse.holders:
                self._forget(charge.key)
        return everywhere

    def raise_to(self, spent: Sequence[Charged]) -> None:
        """Lets at least so much be spent of each; CountersUnavailable, and nothing done, when there is no room."""
        spent = [charge for charge in spent if charge.amount]
        self._make_room({charge.key for charge in spent})
        for charge in spent:
            purse = self._purse(charge.key, charge.ends)
            purse.spent = max(purse.spent, charge.amount)

    def restore(self, spent: Sequence[Charged], reserved: Sequence[tuple[str, Reserve]]) -> None:
        """Lets at least so much be spent of each, and each holder have the reservation that is given with him."""
        self.raise_to(spent)
        self._make_room({reserve.key for _, reserve in reserved})
        for holder, reserve in reserved:
            self.reserve((reserve,), holder)

    def _purse(self, key: str, ends: float | None) -> _Purse:
        purse = self._purses.get(key)
        if purse is None:
            purse = self._purses[key] = _Purse(math.inf if ends is None else ends)
            self._ending.setdefault(purse.ends, {})[key] = None
        return purse

    def _forget(self, key: str) -> None:
        ends = self._purses.pop(key).ends
        del self._ending[ends][key]
        if not self._ending[ends]:
            del self._ending[ends]

    def _make_room(self, keys: set[str]) -> None:
        """Room for those that are new among them; what ended long ago goes with the occasion."""
        new = keys.difference(self._purses)
        if not new:
            return
        now = self._clock.now()
        most = self._room - len(new)
        while self._ending:
            first = min(self._ending)
            if first > (now if len(self._purses) > most else now - FORGOTTEN_AFTER):
                break
            self._forget(next(iter(self._ending[first])))
        if len(self._purses) > most:
            raise CountersUnavailable(f"There is room for {self._room} purses, and none for another.")
