import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Event, Semaphore
from typing import Any

import pytest

from tests.admin.kit import NOW, House, authenticate
from torana.admin.app import Admin, Door
from torana.admin.operation import Desk
from torana.core.clock import Clock
from torana.core.errors import KeysUnknown
from torana.core.exchange import CLIENT, Principal
from torana.storage.sql.change import Actor
from torana.storage.sql.database import Database
from torana.storage.sql.ledger.table import Filter, LedgerTable
from torana.storage.sql.ledger.usage import UsageLine

OPERATOR = (b"authorization", b"mia operator")


async def exchange(
    admin: Admin,
    method: str,
    path: str,
    *headers: tuple[bytes, bytes],
    body: tuple[bytes, ...] = (b"",),
    peer: tuple[str, int] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """A raw exchange: status, headers and body."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in body[:-1]]
    coming = iter([*messages, {"type": "http.request", "body": body[-1], "more_body": False}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(coming)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"",
        "headers": [*headers], "client": peer, "server": None,
    }  # fmt: skip
    await admin(scope, receive, send)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, b"".join(message.get("body", b"") for message in sent[1:])


async def test_every_reply_has_an_id_and_is_for_no_cache(office: House) -> None:
    _, told, _ = await exchange(office.admin, "GET", "/admin/whoami", OPERATOR, (b"x-request-id", b"req-7"))
    assert (told["x-request-id"], told["cache-control"]) == ("req-7", "no-store")
    for wrong in (b"a b", b"x" * 200):
        status, told, _ = await exchange(office.admin, "GET", "/admin/nothing", OPERATOR, (b"x-request-id", wrong))
        assert status == 404
        assert told["x-request-id"].startswith("req_")
    assert [event["status"] for event in office.log.events if event["event"] == "admin_request"] == [200, 404, 404]


@pytest.mark.parametrize("path", ["/admin", "/admin/", "/admin/keys/", "/keys", "//admin/keys", "/admin/keys/a/b"])
async def test_nothing_is_anywhere_else(office: House, path: str) -> None:
    status, told, body = await exchange(office.admin, "GET", path, OPERATOR, (b"host", b"admin.example"))
    assert status == 404
    assert b"unknown_path" in body
    assert "location" not in told


async def test_other_methods(office: House) -> None:
    status, told, body = await exchange(office.admin, "PATCH", "/admin/keys", OPERATOR)
    assert (status, b"method_not_allowed" in body) == (405, True)
    assert set(told["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert (await exchange(office.admin, "HEAD", "/admin/keys", OPERATOR))[0] == 200


async def test_who_asked_for_what_is_logged(office: House) -> None:
    await exchange(office.admin, "GET", "/admin/keys", OPERATOR)
    await exchange(office.admin, "GET", "/admin/keys")
    told = [(e["status"], e.get("principal")) for e in office.log.events if e["event"] == "admin_request"]
    assert told == [(200, "user:mia"), (401, None)]


async def test_who_is_unknown_is_challenged(office: House) -> None:
    status, told, _ = await exchange(office.admin, "GET", "/admin/whoami")
    assert (status, told["www-authenticate"]) == (401, 'Bearer realm="torana"')
    # Two of them are none: the second would go by unseen.
    twice = (b"authorization", b"root admin")
    assert (await exchange(office.admin, "GET", "/admin/whoami", OPERATOR, twice))[0] == 403


async def test_keys_that_nobody_knows_yet(make: Callable[..., House]) -> None:
    async def unknown(_headers: Mapping[str, str]) -> Principal:
        raise KeysUnknown("Not yet.", retry_after=0.5)

    status, told, _ = await exchange(make(door=Door(unknown)).admin, "GET", "/admin/whoami")
    assert (status, told["retry-after"]) == (503, "1")


async def test_a_body_has_its_size(make: Callable[..., House]) -> None:
    house = make("admin: {max_body: 64B}")
    small = (b'{"description": ', b'"' + b"x" * 40 + b'"}')
    assert (await exchange(house.admin, "PUT", "/admin/teams/a", OPERATOR, body=small))[0] == 200
    large = (b'{"description": ', b'"' + b"x" * 60 + b'"}')
    status, _, body = await exchange(house.admin, "PUT", "/admin/teams/b", OPERATOR, body=large)
    assert (status, b"larger than 64 bytes" in body) == (413, True)
    assert [team.name for team in house.desk.registers.teams()] == ["a"]


@pytest.mark.parametrize(
    ("door", "peer", "header", "origin"),
    [
        (Door(authenticate), ("192.0.2.7", 5), b"203.0.113.9", "192.0.2.7"),
        (Door(authenticate, behind_gateway=True), None, b"203.0.113.9", "203.0.113.9"),
        (Door(authenticate, behind_gateway=True), None, b"2001:db8::1", "2001:db8::1"),
        (Door(authenticate, behind_gateway=True), None, b"<script>", "unknown"),
        (Door(authenticate, actor=Actor("local:root", "command line")), None, b"203.0.113.9", "command line"),
    ],
)
async def test_where_a_change_comes_from(
    make: Callable[..., House], door: Door, peer: tuple[str, int] | None, header: bytes, origin: str
) -> None:
    house = make(door=door)
    told = (CLIENT.encode(), header)
    assert (await exchange(house.admin, "PUT", "/admin/teams/a", OPERATOR, told, peer=peer))[0] == 200
    (entry,) = house.desk.registers.audit()
    assert entry.origin == origin
    assert entry.actor == ("local:root" if door.actor else "user:mia")
    assert entry.at == NOW


async def test_while_the_database_is_gone(office: House, database: Database) -> None:
    database.close()
    with database.begin() as connection:
        connection.exec_driver_sql("SELECT 1")
        # Another writer holds the file for longer than anybody waits.
        other = Database(str(database.engine.url), timeout=0.05)
        house = type(office)(office.desk, office.clock, office.log, _over(office, other))
        answer = await house.ask("PUT", "teams/a")
        assert answer.problem == (503, None, "The database is not available now.")
        other.close()
    assert any(event["event"] == "database_unavailable" for event in office.log.events)


def _over(office: House, database: Database) -> Admin:
    registers = type(office.desk.registers)(database, office.clock)
    desk = Desk(office.desk.settings, registers, office.desk.ledger, catalog=office.desk.catalog, clock=office.clock)
    return Admin(desk, Door(authenticate), logger=office.admin._logger)


async def test_the_unforeseen_tells_nothing_of_its_inside(office: House, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "secret"

    def broken(*_: object) -> None:
        raise RuntimeError(f"{secret} inside")

    monkeypatch.setattr("torana.storage.sql.registers.Registers.teams", broken)
    with pytest.raises(RuntimeError):
        await office.ask("GET", "teams")
    assert "secret inside" not in office.log.getvalue()
    assert any(event["event"] == "unexpected" for event in office.log.events)


class SlowLedger(LedgerTable):
    """Sums take until they may end."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self.begun, self.may_end = Semaphore(0), Event()
        self.under_way = 0

    def usage(self, chosen: Filter, by: Sequence[str]) -> list[UsageLine]:
        self.under_way += 1
        self.begun.release()
        self.may_end.wait(10)
        return super().usage(chosen, by)


async def test_long_sums_leave_connections_for_those_who_change(make: Callable[..., House], database: Database) -> None:
    house = make("database: {connections: 5}")
    ledger = SlowLedger(database, house.clock)
    admin = Admin(replace(house.desk, ledger=ledger), Door(authenticate), logger=house.admin._logger)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        sums = [group.create_task(exchange(admin, "GET", "/admin/usage", OPERATOR)) for _ in range(4)]
        for _ in range(2):
            await asyncio.to_thread(ledger.begun.acquire)
        assert (await exchange(admin, "PUT", "/admin/users/anna", OPERATOR))[0] == 200
        assert ledger.under_way == 2
        ledger.may_end.set()
    assert [each.result()[0] for each in sums] == [200] * 4
