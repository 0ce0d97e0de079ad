"""The admin API in this very process, over the database that a configuration names: for whoever can open that."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torana.admin.app import Admin, Door
from torana.admin.operation import Desk
from torana.assembly.office.asking import Request, Take
from torana.assembly.providers import make_catalog
from torana.config.model import Settings
from torana.config.secrets import read_secret
from torana.core.clock import Clock, SystemClock
from torana.core.exchange import Principal
from torana.core.registry import ADMIN
from torana.providers.base import declarations
from torana.storage.sql.change import Actor
from torana.storage.sql.database import Database, DatabaseUnavailable, SchemaRefused, sqlite_url
from torana.storage.sql.ledger.table import LedgerTable
from torana.storage.sql.registers import Registers
from torana.storage.sql.schema import prepare
from torana.telemetry.logs import Logger, make_logger

COMMAND_LINE = "command line"
_Application = Callable[..., Awaitable[None]]


class OfficeClosed(Exception):
    """The admin API cannot be opened here; the message says why."""


class Local:
    """An application in this process, asked as if over HTTP."""

    def __init__(self, application: _Application, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self._application = application
        self._headers = [(name.encode(), value.encode()) for name, value in headers]

    async def ask(self, request: Request, take: Take) -> None:
        """Sends a request and hands over its reply as it comes."""
        status = 0
        pieces = iter((request.body,))

        async def receive() -> MutableMapping[str, Any]:
            piece = next(pieces, None)
            if piece is None:
                # Whoever asks stays until he is answered.
                await asyncio.Event().wait()
            return {"type": "http.request", "body": piece, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            if message["type"] == "http.response.body":
                take(status, message.get("body", b""))

        await self._application(self._scope(request), receive, send)

    def _scope(self, request: Request) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": request.path,
            "raw_path": request.path.encode(),
            "root_path": "",
            "query_string": request.query_string.encode(),
            "headers": self._headers,
            "client": None,
            "server": None,
        }


@contextmanager
def local_office(settings: Settings, user: str, environ: Mapping[str, str] = os.environ) -> Iterator[Local]:
    """The API over the settings' database, which is made where it is not there yet; ``user`` may do everything.

    OfficeClosed when there is no database or it is of no use, SecretMissing when its address is not there.
    """
    if not settings.database.enabled:
        raise OfficeClosed("The configuration has no database: `database.enabled` is false.")
    Path(settings.server.data_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    clock = SystemClock()
    try:
        database = Database(
            database_url(settings, environ),
            connections=settings.database.connections,
            timeout=settings.database.timeout,
        )
    except ValueError as error:
        raise OfficeClosed(str(error)) from error
    try:
        prepare(database)
        yield Local(
            Admin(
                desk_of(settings, database, clock),
                Door(_insider(user), actor=Actor(f"local:{user}", COMMAND_LINE)),
                logger=_quiet(clock),
            )
        )
    except (DatabaseUnavailable, SchemaRefused) as error:
        raise OfficeClosed(str(error)) from error
    finally:
        database.close()


def desk_of(settings: Settings, database: Database, clock: Clock) -> Desk:
    """All that the calls of the API work with."""
    return Desk(
        settings,
        Registers(database, clock),
        LedgerTable(database, clock),
        catalog=make_catalog(settings, declarations()),
        clock=clock,
    )


def database_url(settings: Settings, environ: Mapping[str, str]) -> str:
    """Where the database is; SecretMissing."""
    if settings.database.url is None:
        return sqlite_url(Path(settings.server.data_dir))
    return read_secret(settings.database.url, environ).decode()


def _insider(user: str) -> Callable[[Mapping[str, str]], Awaitable[Principal]]:
    async def authenticate(_headers: Mapping[str, str]) -> Principal:
        return Principal(user, "local", roles=(ADMIN,))

    return authenticate


def _quiet(clock: Clock) -> Logger:
    return make_logger("text", "warning", clock)
