"""What the office does, from its first look at the database to the last row that it puts away."""

import asyncio
import fcntl
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from torana.assembly.books.places import Health, Places
from torana.assembly.office.crew import Crew
from torana.assembly.office.local import database_url
from torana.assembly.office.standing import Standing
from torana.assembly.settings import load
from torana.config.load import ConfigError, Mistake
from torana.config.model import Settings
from torana.core.clock import SystemClock
from torana.jobs.patience import Patience
from torana.storage.sql.database import Database
from torana.storage.sql.listening import changes
from torana.storage.sql.schema import prepare
from torana.telemetry.logs import Logger, forward_standard_logging, make_logger

_LAST_WORK = 10.0
_LOOK = 0.2


async def serve(config: Path | None, until_closed: BinaryIO) -> None:
    """Works until the other end of a pipe is closed; SchemaRefused and the usual complaints where it cannot.

    One office at a time works in a data directory: the next waits until the one before has ended.
    """
    settings = load(config).settings
    clock = SystemClock()
    logger = make_logger(settings.telemetry.log_format, settings.telemetry.log_level, clock)
    forward_standard_logging(logger)
    places = Places(Path(settings.server.data_dir))
    places.journal.mkdir(mode=0o700, parents=True, exist_ok=True)
    ended = asyncio.Event()
    _watch(until_closed, asyncio.get_running_loop(), ended.set)
    url = database_url(settings, os.environ)
    async with AsyncExitStack() as stack:
        if not await stack.enter_async_context(_alone(places.lock, ended, logger)):
            return
        database = _database(url, settings)
        stack.callback(database.close)
        with suppress(OSError):
            # What the one before has told holds no more.
            places.health.post(Health(clock.now(), 0, "It is yet to reach the database."), lasting=False)
        ready = await _until(ended, _prepared(database, logger, settings.database.poll))
        if not ready:
            return
        crew = Crew(Standing(settings, config, logger), places, database, clock=clock, logger=logger)
        stack.push_async_callback(crew.leave)
        stack.enter_context(_told_of_changes(url, crew.news, timeout=settings.database.timeout))
        await crew.work(ended)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORK):
                await crew.last()


def _database(url: str, settings: Settings) -> Database:
    """The database, not connected yet; ConfigError where it is none that can be used here."""
    try:
        return Database(url, connections=settings.database.connections, timeout=settings.database.timeout)
    except ValueError as error:
        raise ConfigError([Mistake(0, "database.url", str(error))]) from error
    except ModuleNotFoundError as error:
        raise ConfigError([Mistake(0, "database.url", "needs the extra `torana[postgres]`")]) from error


async def _prepared(database: Database, logger: Logger, every: float) -> None:
    """Returns when the tables are what they should be; SchemaRefused when they never will."""
    patience = Patience("migration", every, logger)
    while not await patience.once(lambda: asyncio.to_thread(prepare, database)):  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(every)


async def _until(ended: asyncio.Event, work: Awaitable[None]) -> bool:
    """Whether work was done before it was to end."""
    working = asyncio.ensure_future(work)
    ending = asyncio.ensure_future(ended.wait())
    try:
        await asyncio.wait((working, ending), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            return True
        return False
    finally:
        for each in (working, ending):
            each.cancel()
        await asyncio.wait((working, ending))


def _watch(pipe: BinaryIO, loop: asyncio.AbstractEventLoop, closed: Callable[[], object]) -> None:
    """Tells when a pipe's other end is closed."""

    def watch() -> None:
        # Not by the pipe itself: its lock would be held while the interpreter ends.
        while os.read(pipe.fileno(), 1):
            pass
        with suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(closed)

    threading.Thread(target=watch, name="office-pipe", daemon=True).start()


@asynccontextmanager
async def _alone(lock: Path, ended: asyncio.Event, logger: Logger) -> AsyncIterator[bool]:
    """Holds a lock that goes with this process; False when it is to end before the lock is free."""
    file = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        mine = _taken(file)
        if not mine:
            logger.warning("office_waits", reason="another office works in this data directory")
        while not mine and not ended.is_set():
            await asyncio.sleep(_LOOK)
            mine = _taken(file)
        yield mine and not ended.is_set()
    finally:
        os.close(file)


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _told_of_changes(url: str, news: Callable[[], None], *, timeout: float) -> Iterator[None]:
    """Listens for changes in a thread, for as long as the context lasts."""
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    def told() -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(news)

    listening = threading.Thread(
        target=changes, args=(url, stop, told), kwargs={"timeout": timeout}, name="office-listener", daemon=True
    )
    listening.start()
    try:
        yield
    finally:
        stop.set()
        listening.join(2 * _LOOK)
