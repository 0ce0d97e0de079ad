"""An admin API over a real database, asked in this process by somebody of any role."""

import io
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from torana.admin.app import Admin, Door
from torana.admin.operation import Desk
from torana.assembly.office.asking import Request
from torana.assembly.office.local import Local
from torana.config.model import Settings
from torana.core.clock import FakeClock
from torana.core.errors import Unauthenticated
from torana.core.exchange import Principal, Target
from torana.core.ledger import Charge, Closed, Opened, Row
from torana.routing.catalog import Catalog, Offer
from torana.storage.sql.database import Database, sqlite_url
from torana.storage.sql.ledger.table import LedgerTable
from torana.storage.sql.registers import Registers
from torana.telemetry.logs import Logger

NOW = 1_800_000_000.0
CATALOG = Catalog(
    {"lab": Offer(lambda _model: frozenset({"images.variations", "images.edits"}), ("one", "two"))},
    {"house": (Target("lab", "one"),)},
)


class Log(io.StringIO):
    """What was logged."""

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> tuple[int, str | None, str]:
        """Status, the field, and the message of an error."""
        error = self.json["error"]
        return self.status, error["param"], error["message"]


@dataclass(frozen=True)
class House:
    """The API, and what it stands on."""

    desk: Desk
    clock: FakeClock
    log: Log
    admin: Admin

    async def ask(
        self,
        method: Any,
        path: str,
        body: object = None,
        *,
        role: str = "admin",
        who: str | None = None,
        accept: str = "",
        **query: str,
    ) -> Answer:
        """Asks as a user who has a role, and is named after it unless said otherwise."""
        headers = (("authorization", f"{who or role} {role}"), ("accept", accept))
        return await ask(self.admin, Request(method, steps(path), query, written(body)), headers)


def steps(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/"))


def written(body: object) -> bytes:
    return b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()


async def ask(admin: Admin, request: Request, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A request to an application in this process."""
    pieces: list[bytes] = []
    statuses: set[int] = set()

    def take(status: int, piece: bytes) -> None:
        statuses.add(status)
        pieces.append(piece)

    await Local(admin, headers).ask(request, take)
    (status,) = statuses
    return Answer(status, b"".join(pieces))


async def authenticate(headers: Mapping[str, str]) -> Principal:
    """Believes what a header says: a name and a role."""
    name, _, role = headers.get("authorization", "").partition(" ")
    if not role:
        raise Unauthenticated("No.", reason="missing")
    return Principal(name, "https://tokens.example", roles=(role,))


def house(database: Database, settings: Settings, *, door: Door | None = None) -> House:
    """The API over a database that is ready."""
    clock, log = FakeClock(NOW), Log()
    desk = Desk(settings, Registers(database, clock), LedgerTable(database, clock), catalog=CATALOG, clock=clock)
    return House(
        desk,
        clock,
        log,
        Admin(desk, door or Door(authenticate), logger=Logger("json", "info", clock=clock, stream=log)),
    )


@contextmanager
def served(admin: Admin) -> Iterator[str]:
    """The API on a port of its own: its URL."""
    server = uvicorn.Server(uvicorn.Config(admin, lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def database_in(directory: Path) -> Database:
    return Database(sqlite_url(directory))


def row(number: int, **given: Any) -> Row:
    """A call that went well, unless said otherwise."""
    opened: dict[str, Any] = {
        "request_id": f"req_{number}",
        "at": NOW + number,
        "subject": "anna",
        "kind": "user",
        "issuer": "torana",
        "operation": "images.variations",
        "model": "house",
        "teams": ("design",),
        "metadata": {"project": "blue"},
        "charges": (Charge("all", "", "2027-01"),),
    }
    closed: dict[str, Any] = {
        "at": NOW + number + 2,
        "status": 200,
        "target": "lab/one",
        "images": 2,
        "tokens": {"image_output": 7},
        "cost": 1_250_000_000,
        "price": "list, 2027-01-01",
        "charged": 1_250_000_000,
    }
    names = Closed.__struct_fields__
    for name, value in given.items():
        (opened if name in opened or name not in names else closed)[name] = value
    return Row(Opened(f"row{number:04}", **opened), Closed(f"row{number:04}", **closed))
