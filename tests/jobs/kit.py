"""An office's jobs over real stores: a journal, a database, and a Valkey where they share counters."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torana.core.clock import Clock, FakeClock
from torana.core.ledger import Charge, Closed, Opened
from torana.jobs.opening import Opening
from torana.jobs.purses import Bounded, Debts
from torana.jobs.reaping import Reaping
from torana.jobs.shipping import Shipping
from torana.jobs.telling import Telling
from torana.storage.counters.port import Charged, CountersUnavailable, Reserve
from torana.storage.counters.valkey import ValkeyCounters
from torana.storage.journal.reading import Reader
from torana.storage.journal.writing import Journal
from torana.storage.notices import Notice
from torana.storage.sql.database import Database
from torana.storage.sql.ledger.table import LedgerTable
from torana.storage.sql.offices import Offices
from torana.telemetry.logs import Logger

MONTH = Charge("team", "", "2027-01")
LIMIT = 10**9
DEADLINE = 540.0


def begun(id_: str, *, reserved: int = 0, charges: Iterable[Charge] = (MONTH,), at: float = 1_800_000_000.0) -> Opened:
    return Opened(
        id=id_,
        request_id=id_,
        at=at,
        subject="anna",
        kind="user",
        issuer="torana",
        operation="images",
        charges=tuple(charges),
        reserved=reserved,
        expires=at + 60,
    )


def ended(id_: str, *, charged: int = 0, settled: bool = False, **more: Any) -> Closed:
    return Closed(id=id_, at=1_800_000_001.0, status=200, charged=charged, settled=settled, **more)


class Silent:
    """A stream that keeps what is logged."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


class Place:
    """An office and the gateway beside it: what both do, step by step."""

    def __init__(
        self, directory: Path, database: Database, url: str | None, *, name: str = "one", clock: Clock | None = None
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.clock = clock or FakeClock()
        self.log = Silent()
        self.logger = Logger("json", "info", clock=self.clock, stream=self.log)  # type: ignore[arg-type]  # enough of one
        self.journal = Journal(directory / "journal", self.clock, most=10**9, sync=1)
        self.table = LedgerTable(database, self.clock)
        self.counters = None if url is None else ValkeyCounters(url)
        self.seen: list[Any] = []
        self.offices = Offices(database, self.clock)
        self.name = name
        self.begin()

    def begin(self, bound: float = 5.0) -> None:
        """Begins the office anew, as after a kill."""
        self.telling: Any = None
        self.opening: Any = None
        self.reaping: Any = None
        if self.counters is not None:
            purses = Bounded(self.counters, bound)
            self.telling = Telling(purses, Notice(self.directory / "debts.json", Debts), self.logger)
        reader = Reader(self.directory / "journal", self.clock)
        self.shipping = Shipping(
            reader, self.table, self.telling, self.seen.append, batch=10, clock=self.clock, logger=self.logger
        )
        if self.telling is not None:
            self.opening = Opening(
                self.name,
                purses,
                self.offices,
                self.table,
                self.shipping,
                self.telling,
                self.clock,
                self.logger,
            )
            self.reaping = Reaping(
                purses, self.offices, self.table, self.seen.append, lambda: DEADLINE, self.clock, self.logger
            )

    async def call(self, id_: str, reserved: int) -> bool:
        """A gateway admits a call; whether it could."""
        self.journal.write(begun(id_, reserved=reserved))
        assert self.counters is not None
        verdict = await self.counters.admit((), (), [reserve(reserved)], holder=id_)
        return verdict.granted

    async def end(self, id_: str, charged: int) -> bool:
        """And settles it; whether the counters knew of it."""
        assert self.counters is not None
        try:
            settled = await self.counters.settle((), (), [Charged(MONTH.key, charged, None)], holder=id_)
        except CountersUnavailable:
            settled = False
        self.journal.write(ended(id_, charged=charged, settled=settled))
        return settled

    async def balance(self) -> tuple[int, int]:
        """What is spent and what is reserved."""
        assert self.counters is not None
        (look,) = (await self.counters.admit((), (), [reserve(0)])).balances
        return look.spent, look.reserved

    async def close(self) -> None:
        self.journal.close()
        if self.counters is not None:
            await self.counters.close()


def reserve(amount: int) -> Reserve:
    return Reserve(MONTH.key, amount, LIMIT, None)
