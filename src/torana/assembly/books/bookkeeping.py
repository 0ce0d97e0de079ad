"""What a gateway process keeps of the books while it serves: a journal, counters, and what it knows of the registry."""

import asyncio
import math
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from torana.assembly.books.counting import Counting, counting
from torana.assembly.books.noticing import Noticing
from torana.assembly.books.places import Health, Opened, Places
from torana.assembly.policies.caching import Keeping, keeping_answers
from torana.auth.directory import Directory
from torana.config.model import Settings
from torana.core.clock import Clock
from torana.core.registry import Registry
from torana.jobs.purses import current
from torana.policy.ledger import Ledger
from torana.policy.rulebook import Additions
from torana.storage.counters.port import CountersUnavailable
from torana.storage.journal.writing import Journal
from torana.telemetry.logs import Logger
from torana.telemetry.signals import Signals
from torana.upstream.passing import Passer

_LOOK = 0.25
_LOOK_FOR_OPENING = 0.05
_OFFICE_SECONDS = 60.0
_COMPLAIN = 60.0
"""Seconds between complaints of the same thing."""
_SILENT = 15.0
"""Seconds after which an office that tells nothing counts as gone."""


_PATIENCE = 10.0
"""Seconds for which a gateway that begins is not ready because its budgets are not: calls without any go on."""


class Books:
    """They outlive every edition of the configuration."""

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], *, clock: Clock, logger: Logger, signals: Signals
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._logger = logger
        self._signals = signals
        self._places = Places(Path(settings.server.data_dir))
        self.counting: Counting = counting(settings, environ, clock=clock, logger=logger, signals=signals)
        self.answers: Keeping = keeping_answers(settings, environ, clock=clock, logger=logger)
        self.directory = Directory()
        self.additions = Additions(lambda name, why: logger.error("rule_unreadable", rule=name, reason=why))
        self._is_first = settings.database.url is None and self._places.are_new
        if self._is_first:
            # Nobody is let in and nothing is spent yet, so there is nothing to wait for.
            self.directory.learn(Registry())
        self.journal = self._journal() if settings.database.enabled else None
        self.ledger = Ledger(self.journal, clock, required=settings.ledger.required, lost=self._lost)
        self.passer = self._passer()
        """The way to the office, where the admin API is on the gateway's own port."""
        self._began = clock.ticks()
        self._complained = -math.inf
        self._office: Health | None = None
        self._health = self._places.health

    @property
    def works(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run while the gateway serves."""
        if self.journal is None:
            return [self._without()]
        works = [
            self.journal.keep(),
            Noticing(self._places.registry, self._learn, every=_LOOK, logger=self._logger).run(),
        ]
        if self._settings.counters.valkey is not None:
            return works
        if self._is_first:
            return [*works, self._begin_at_nothing(self.journal.run)]
        return [*works, Noticing(self._places.opened, self._open, every=_LOOK_FOR_OPENING, logger=self._logger).run()]

    async def opened(self) -> bool:
        """Whether budgets can be counted, or were waited for long enough."""
        if self.journal is None or self._settings.counters.valkey is not None:
            return True
        waited = self._clock.ticks() - self._began
        return waited > _PATIENCE or await self.counting.own.opened() is not None

    def show(self) -> None:
        """Brings the metrics up to date."""
        if self.journal is None:
            return
        # What cannot be read is as good as silence.
        with suppress(OSError, ValueError):
            self._office = self._health.news() or self._office
        office = self._office
        self._signals.books.journal_bytes.set(self.journal.taken)
        heard = office is not None and abs(self._clock.now() - office.at) < _SILENT
        self._signals.books.office_up.set(heard)
        self._signals.books.database_available.set(office is not None and heard and office.trouble is None)

    async def stop(self) -> None:
        """Ends the journal, and drops connections."""
        if self.journal is not None:
            self.journal.close()
        if self.passer is not None:
            await self.passer.close()
        await asyncio.gather(self.counting.stop(), self.answers.stop())

    def _passer(self) -> Passer | None:
        if not self._settings.database.enabled or self._settings.admin.port is not None:
            return None
        return Passer(self._places.socket, within=_OFFICE_SECONDS)

    def _journal(self) -> Journal:
        ledger = self._settings.ledger
        return Journal(self._places.journal, self._clock, most=ledger.journal_max, sync=ledger.sync)

    def _lost(self, why: str) -> None:
        self._signals.books.lost.inc()
        now = self._clock.ticks()
        if now - self._complained >= _COMPLAIN:
            self._complained = now
            self._logger.error("ledger_entries_lost", reason=why)

    async def _without(self) -> None:
        """There are no keys and no rules but the configuration's."""
        self.directory.learn(Registry())

    async def _begin_at_nothing(self, run: str) -> None:
        """There are no books yet in which anything could be spent."""
        await self.counting.own.open(run)

    async def _learn(self, registry: Registry) -> bool:
        await asyncio.to_thread(self.directory.learn, registry)
        self.additions.learn(registry)
        return False

    async def _open(self, opened: Opened) -> bool:
        """Spending begins where the books were when this process began."""
        assert self.journal is not None, "there is something to open for"
        if self.journal.run not in opened.runs:
            return False
        try:
            await self.counting.own.open(self.journal.run, current(opened.spent, self._clock.now()))
        except CountersUnavailable as error:
            self._logger.warning("budgets_not_opened", reason=str(error), setting="counters.max_keys")
        return True
