"""A model of purses, with books that know of every call, against which a store of them is tried."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from torana.core.clock import FakeClock
from torana.storage.counters.memory import MemoryCounters
from torana.storage.counters.port import Charged, PursesClosed, Reserve
from torana.storage.counters.valkey import ValkeyCounters

MOST = 9 * 10**15


def reserve(amount: int, limit: int | None = 100, key: str = "team", ends: float | None = None) -> Reserve:
    """Of a small purse, unless it is said."""
    return Reserve(key, amount, limit, ends)


def spent(amount: int, key: str = "team", ends: float | None = None) -> Charged:
    return Charged(key, amount, ends)


async def balance(counters: Any, key: str = "team") -> tuple[int, int]:
    (look,) = (await counters.admit([], [], [reserve(0, None, key)])).balances
    return look.spent, look.reserved


async def kept(store: Any) -> set[str]:
    """The purses that take up room."""
    if isinstance(store, MemoryCounters):
        return set(store._purses._purses)
    return {key.decode().removeprefix(store._purse("")) for key in await store._send("KEYS", store._purse("*"))}


async def run_of(store: Any) -> str:
    """By what name the store is opened: a shared one for a run of its server, this process's by any."""
    return await store.run() if isinstance(store, ValkeyCounters) else "first"


class Books(RuleBasedStateMachine):
    """Calls come, end, and die; the purses are lost and opened anew from the books, which know of every call."""

    LIMITS = {"a": 100, "b": 130}  # noqa: RUF012, hypothesis wants a plain class
    keys = st.sets(st.sampled_from(sorted(LIMITS)), min_size=1).map(sorted)

    kind: str
    url: str

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.store: Any = self.loop.run(self.begin())
        self.open = False
        self.purses: dict[str, dict[str, int]] = {}
        self.spent: Counter[str] = Counter()
        self.running: dict[str, tuple[list[str], int]] = {}
        self.booked: Counter[str] = Counter()
        self.calls = 0

    async def begin(self) -> Any:
        if self.kind == "memory":
            return MemoryCounters(FakeClock())
        store = ValkeyCounters(self.url)
        await store._send("FLUSHALL")
        return store

    def teardown(self) -> None:
        if self.kind == "valkey":
            self.loop.run(self.store.close())
        self.loop.close()

    def admit(self, holder: str, keys: list[str], amount: int) -> Any:
        reserves = [reserve(amount, self.LIMITS[key], key) for key in keys]
        return self.loop.run(self.store.admit([], [], reserves, holder=holder))

    def held(self, key: str) -> int:
        return sum(self.purses.get(key, {}).values())

    @rule()
    def open_from_the_books(self) -> None:
        reserved = [(who, reserve(amount, None, key)) for who, (keys, amount) in self.running.items() for key in keys]
        run = self.loop.run(run_of(self.store))
        self.loop.run(self.store.open(run, [spent(each, key) for key, each in self.booked.items()], reserved))
        self.open = True
        self.spent |= self.booked
        for holder, asked in reserved:
            self.purses.setdefault(asked.key, {}).setdefault(holder, asked.amount)

    @rule()
    def lose_everything(self) -> None:
        if self.kind == "memory":
            self.store = MemoryCounters(FakeClock())
        else:
            self.loop.run(self.store._send("FLUSHALL"))
        self.open = False
        self.purses, self.spent = {}, Counter()

    @rule()
    def heal(self) -> None:
        self.loop.run(self.store.raise_to([spent(each, key) for key, each in self.booked.items()]))
        self.spent |= self.booked

    @rule(keys=keys, amount=st.integers(0, 60))
    def begin_a_call(self, keys: list[str], amount: int) -> None:
        self.calls += 1
        holder = str(self.calls)
        if not self.open:
            with pytest.raises(PursesClosed):
                self.admit(holder, keys, amount)
            return
        fits = [self.spent[key] + self.held(key) + amount <= self.LIMITS[key] for key in keys]
        verdict = self.admit(holder, keys, amount)
        assert verdict.granted is all(fits)
        if verdict.granted:
            self.running[holder] = (keys, amount)
            for key in keys:
                self.purses.setdefault(key, {})[holder] = amount
                assert self.spent[key] + self.held(key) <= self.LIMITS[key]
            left = [self.LIMITS[key] - self.spent[key] - self.held(key) for key in keys]
            assert [each.remaining for each in self.admit("", keys, 0).balances] == left
        else:
            assert verdict.refusal.index == fits.index(False)

    @precondition(lambda self: self.open and self.running)
    @rule(data=st.data(), amount=st.integers(0, 200))
    def ask_once_more(self, data: Any, amount: int) -> None:
        holder = data.draw(st.sampled_from(sorted(self.running)))
        assert self.admit(holder, self.running[holder][0], amount).granted

    @precondition(lambda self: self.running)
    @rule(data=st.data(), share=st.integers(0, 3), times=st.integers(1, 2))
    def end_a_call(self, data: Any, share: int, times: int) -> None:
        """Or settle a dead one: it is the same."""
        holder = data.draw(st.sampled_from(sorted(self.running)))
        keys, amount = self.running.pop(holder)
        cost = amount * share // 3
        for _ in range(times):
            self.loop.run(self.store.settle([], [], [spent(cost, key) for key in keys], holder=holder))
        for key in keys:
            self.booked[key] += cost
            if self.open and self.purses[key].pop(holder, None) is not None:
                self.spent[key] += cost

    @invariant()
    def the_store_says_what_the_model_does(self) -> None:
        if self.open:
            for key in self.LIMITS:
                assert self.loop.run(balance(self.store, key)) == (self.spent[key], self.held(key))
                assert self.spent[key] + self.held(key) >= self.booked[key]
            in_use = {key for key in self.LIMITS if self.spent[key] or self.purses.get(key)}
            assert self.loop.run(kept(self.store)) == in_use

    @precondition(lambda self: self.kind == "valkey")
    @invariant()
    def the_store_knows_who_has_what(self) -> None:
        held: dict[str, dict[str, int]] = {}
        for key, holders in self.purses.items():
            for holder, amount in holders.items():
                held.setdefault(holder, {})[key] = amount
        found = self.loop.run(self.store.stale(-60, limit=1000))
        assert {each.holder: dict(each.amounts) for each in found} == held
