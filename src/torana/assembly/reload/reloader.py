"""Takes up the configuration file anew: when asked, and when it or a file that it names has changed."""

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Literal

from torana.assembly.complaints import COMPLAINTS, sentences
from torana.assembly.lending import Connections
from torana.assembly.reload.changes import Look, changed_sections, left_for_restart, live_files, look, taken_up
from torana.assembly.reload.compiling import Compiler
from torana.assembly.reload.editions import Edition, Editions
from torana.assembly.settings import load
from torana.auth.keys.jwks import FETCH_TIME
from torana.config.model import Settings

_SOON = 0.02


class Reloader:
    """Replaces the current edition, whole or not at all; one reload at a time.

    ``every`` is how often the files are looked at, in seconds; 0 is never. A change is taken up once it has stood
    still from one look to the next, because a file that is being written is not what its writer means.
    """

    def __init__(self, config: Path | None, compiler: Compiler, editions: Editions, *, every: float) -> None:
        self._config = config
        self._compiler = compiler
        self._editions = editions
        self._every = 0.0 if config is None else every
        self._logger = compiler.logger
        self._asked = asyncio.Event()
        # The files as the current edition was made from them, and as they were last looked at.
        self._served: Look = look(self._watched(editions.current.settings))
        self._seen = self._served

    def ask(self) -> None:
        """Have ``run`` reload as soon as it can."""
        if self._config is None:
            self._logger.warning("nothing_to_reload", detail="The gateway runs without a configuration file.")
        else:
            self._asked.set()

    async def run(self) -> None:
        """Reloads whenever there is reason to, until cancelled."""
        while True:
            await self._reason()
            self._asked.clear()
            if self._config is not None:
                await self.reload(self._config)

    async def reload(self, config: Path) -> None:
        """Serve from the file as it is now; where it cannot be used, go on as before and tell every mistake."""
        started = self._compiler.clock.ticks()
        try:
            wanted = await self._read(config)
            before = self._editions.current.settings
            await self._serve(taken_up(before, wanted))
        except COMPLAINTS as error:
            self._count("failed")
            self._logger.warning("reload_failed", mistakes=sentences(error))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with the new one, the old one serves on
            self._count("failed")
            self._logger.failure("reload_failed", error)
        else:
            self._count("done")
            self._tell(before, wanted, self._compiler.clock.ticks() - started)

    async def _reason(self) -> None:
        """Waits until somebody asks, or until files have changed."""
        pending = self._seen
        while not self._asked.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every or None):
                    await self._asked.wait()
                return
            found = await asyncio.to_thread(look, self._seen)
            if found == pending != self._seen:
                return
            pending = found

    async def _read(self, config: Path) -> Settings:
        """The file's settings. Each file is looked at before it is read, so that no later change is missed."""
        self._seen = {**self._seen, **await asyncio.to_thread(look, (config,))}
        wanted = (await asyncio.to_thread(load, config)).settings
        named = await asyncio.to_thread(look, live_files(wanted))
        self._seen = {config: self._seen[config], **named}
        return wanted

    async def _serve(self, settings: Settings) -> None:
        async with AsyncExitStack() as undo:
            connections = Connections()
            undo.push_async_callback(connections.close)
            edition = self._compiler.edition(settings, connections)
            undo.push_async_callback(edition.stop)
            await edition.start()
            await self._keys_of(edition)
            undo.pop_all()
        self._editions.replace(edition)

    async def _keys_of(self, edition: Edition) -> None:
        """Waits for keys that the current edition has and this one is still to fetch; in vain for no longer than that.

        Nobody whose tokens are good now is to be refused because a server is slow.
        """
        current = self._editions.current
        unready = current.authenticator.unready
        ready = {issuer.issuer for issuer in current.settings.auth.issuers} - set(unready)
        with suppress(TimeoutError):
            async with asyncio.timeout(FETCH_TIME):
                while not ready.isdisjoint(edition.authenticator.unready):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(_SOON)

    def _count(self, result: Literal["done", "failed"]) -> None:
        self._compiler.signals.reloads.labels(result).inc()

    def _tell(self, before: Settings, wanted: Settings, seconds: float) -> None:
        altered = {path for path, digest in self._seen.items() if self._served.get(path, digest) != digest}
        self._served = self._seen
        changed = changed_sections(before, self._editions.current.settings, altered)
        self._logger.info("reloaded", changed=changed, seconds=round(seconds, 3))
        left = left_for_restart(before, wanted)
        if left:
            self._logger.warning("restart_needed", settings=left)

    def _watched(self, settings: Settings) -> tuple[Path, ...]:
        return () if self._config is None else (self._config, *live_files(settings))
