import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.jobs.kit import MONTH, begun, ended
from torana.core.clock import FakeClock
from torana.core.ledger import Charge, Row, Spent
from torana.jobs.purses import Bounded, Debt, charged, current, debt_of, reserved_by
from torana.storage.counters.memory import MemoryCounters
from torana.storage.counters.port import Charged, CountersUnavailable, Reservation, Reserve

ENDS = 1801440000.0


def test_the_ledgers_words_are_turned_into_those_of_counters():
    assert charged(Spent(MONTH, 5)) == Charged("team  2027-01", 5, ENDS)
    assert reserved_by(begun("a", reserved=7)) == [("a", Reserve("team  2027-01", 7, None, ENDS))]
    debt = debt_of(Row(begun("a", reserved=7), ended("a", charged=6)))
    assert debt == Debt("a", (MONTH,), 6)
    assert debt.charged == [Charged("team  2027-01", 6, ENDS)]


def test_a_period_that_only_another_version_knows_has_no_end():
    assert charged(Spent(Charge("team", "", "2027-fortnight-3"), 5)).ends is None


def test_only_periods_that_go_on_are_current():
    ever = Spent(Charge("team", "", "ever"), 1)
    assert current([Spent(MONTH, 5), ever], ENDS) == [Charged("team  ever", 1, None)]
    assert len(current([Spent(MONTH, 5), ever], ENDS - 1)) == 2


class Hanging(MemoryCounters):
    """A store that accepts what is asked, and never answers."""

    async def run(self) -> str:
        await asyncio.get_running_loop().create_future()
        return ""

    charge = raise_to = restore = opened = open = lambda self, *_, **__: self.run()  # type: ignore[assignment]
    stale = opened


@pytest.mark.parametrize(
    "ask",
    [
        lambda purses: purses.run(),
        lambda purses: purses.opened(),
        lambda purses: purses.open("run"),
        lambda purses: purses.raise_to([Charged("a", 1, None)]),
        lambda purses: purses.restore((), [("a", Reserve("a", 1, None, None))]),
        lambda purses: purses.charge("a", [Charged("a", 1, None)]),
        lambda purses: purses.stale(60, limit=1),
    ],
)
async def test_a_store_that_hangs_is_not_waited_for(ask):
    hanging: Any = Hanging(FakeClock())
    with pytest.raises(CountersUnavailable, match=r"did not answer in 0\.01 s"):
        await ask(Bounded(hanging, 0.01))


class Own(MemoryCounters):
    async def run(self) -> str:
        return "first"

    async def charge(self, holder: str, charged: Sequence[Charged]) -> bool:
        return await self.settle((), (), charged, holder=holder)

    async def stale(self, age: float, *, limit: int) -> list[Reservation]:
        raise NotImplementedError


async def test_however_much_there_is_all_of_it_arrives():
    store = Own(FakeClock())
    spent = [Charged(f"purse {number}", number, None) for number in range(2500)]
    reserved = [(f"call {number}", Reserve("purse 7", 1, None, None)) for number in range(2500)]
    purses = Bounded(store)
    await purses.open(await purses.run(), spent, reserved)
    assert await purses.opened() == "first"
    look = (
        await store.admit((), (), [Reserve("purse 7", 0, None, None), Reserve("purse 2499", 0, None, None)])
    ).balances
    assert [(each.spent, each.reserved) for each in look] == [(7, 2500), (2499, 0)]
    assert await purses.charge("call 1", [Charged("purse 7", 3, None)])
