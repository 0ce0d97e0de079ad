"""Where the office can be spoken to: a socket in the data directory, or the port that the settings give it."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from torana.admin.app import Admin, Door
from torana.assembly.books.places import Places
from torana.assembly.complaints import COMPLAINTS, sentences
from torana.assembly.lending import Connections
from torana.assembly.office.local import desk_of
from torana.assembly.office.standing import Standing
from torana.auth.build import build_authenticator
from torana.auth.identity import Identity
from torana.config.model import Settings
from torana.core.clock import Clock
from torana.core.exchange import Credentials, Principal
from torana.edge.protocol import BoundedProtocol, Bounds
from torana.storage.sql.database import Database
from torana.telemetry.logs import Logger
from torana.upstream.passing import within_reach

_DRAIN = 5


@dataclass(frozen=True, slots=True)
class _Made:
    """The API for some settings, and what ends it."""

    admin: Admin
    leave: AsyncExitStack


class Faces:
    """The admin API, for the settings as they stand: it is made anew when they change."""

    def __init__(self, standing: Standing, places: Places, database: Database, *, clock: Clock, logger: Logger) -> None:
        self._standing = standing
        self._places = places
        self._database = database
        self._clock = clock
        self._logger = logger
        self._made: _Made | None = None
        self._looked_at: Settings | None = None
        self._making = asyncio.Lock()
        admin = standing.settings.admin
        self._where = None if admin.port is None else (admin.host, admin.port)
        self._bounds = Bounds.of(standing.settings.server)
        self._server: tuple[Server, asyncio.Task[None]] | None = None

    async def tend(self) -> None:
        """Has requests answered from now on, if they are not; OSError where nobody can listen there at the moment."""
        if self._server is not None and not self._server[1].done():
            return
        listener = listen_at(self._places.socket) if self._where is None else _listen(self._where)
        server = Server(
            uvicorn.Config(
                self,
                http=partial(BoundedProtocol, bounds=self._bounds),  # type: ignore[arg-type]  # any callable will do
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                lifespan="off",
                timeout_graceful_shutdown=_DRAIN,
            )
        )
        self._server = (server, asyncio.create_task(server.serve(sockets=[listener])))
        if self._where is not None:
            self._logger.info("admin_listens", host=self._where[0], port=listener.getsockname()[1])

    async def close(self) -> None:
        """Lets requests end, and leaves nothing behind."""
        if self._server is not None:
            server, serving = self._server
            server.should_exit = True
            await asyncio.wait((serving,))
            if self._where is None:
                self._places.socket.unlink(missing_ok=True)
        if self._made is not None:
            await self._made.leave.aclose()
            self._made = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
        """Serves one request."""
        admin = await self._current()
        await admin(scope, receive, send)

    async def _current(self) -> Admin:
        """The API for the settings as they stand, or where they are unsound as they stood before."""
        async with self._making:
            settings = self._standing.settings
            if self._made is None or self._looked_at is not settings:
                self._made = await self._in_place_of(self._made, settings)
                self._looked_at = settings
            return self._made.admin

    async def _in_place_of(self, before: _Made | None, settings: Settings) -> _Made:
        try:
            made = await self._make(settings)
        except COMPLAINTS as error:
            if before is None:
                raise
            self._logger.warning("reload_failed", mistakes=sentences(error))
            return before
        if before is not None:
            await before.leave.aclose()
        return made

    async def _make(self, settings: Settings) -> _Made:
        async with AsyncExitStack() as leave:
            connections = Connections()
            leave.push_async_callback(connections.close)
            authenticator = build_authenticator(
                settings.auth, os.environ, clock=self._clock, fetch=connections.downloader.fetch_document
            )
            leave.push_async_callback(authenticator.stop)
            await authenticator.start()
            identity = Identity(authenticator, self._standing.directory, roles=settings.access.roles, clock=self._clock)

            async def authenticate(headers: Mapping[str, str]) -> Principal:
                api_key = headers.get("x-api-key") or headers.get("api-key")
                return await identity.identify(Credentials(headers.get("authorization"), api_key))

            door = Door(authenticate, behind_gateway=settings.admin.port is None)
            admin = Admin(desk_of(settings, self._database, self._clock), door, logger=self._logger)
            return _Made(admin, leave.pop_all())


class Server(uvicorn.Server):
    """A server whose end is told by others than signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves them to the process."""
        yield


def listen_at(path: Path) -> socket.socket:
    """A socket in a file that nobody else may use, in place of one that was left there."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    place, directory = within_reach(path)
    try:
        listener.bind(place)
        path.chmod(0o600)
        listener.listen()
    except OSError:
        listener.close()
        raise
    finally:
        if directory is not None:
            os.close(directory)
    return listener


def _listen(where: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    return socket.create_server(where, family=family)
