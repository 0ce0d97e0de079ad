"""Removes what has been kept for long enough, a little at a time."""

import asyncio
from dataclasses import dataclass

from torana.core.clock import Clock
from torana.jobs.threads import in_thread
from torana.storage.sql.ledger.table import LedgerTable
from torana.telemetry.logs import Logger

EVERY = 3600.0

LEAST = 86_400.0
"""Rows are kept for so long in any case, in seconds: one that is forgotten before its journal is counts again."""

_CHUNK = 5000
_BREATH = 0.2


@dataclass(frozen=True, slots=True)
class Tidying:
    """Prunes the ledger; ``keep`` in seconds, 0 is for ever."""

    table: LedgerTable
    keep: float
    clock: Clock
    logger: Logger

    async def tidy(self) -> None:
        """All that is too old by now; DatabaseUnavailable leaves the rest for the next time."""
        if not self.keep:
            return
        pruned = 0
        while gone := await in_thread(self.table.prune, self.clock.now() - max(self.keep, LEAST), limit=_CHUNK):
            pruned += gone
            await asyncio.sleep(_BREATH)
        if pruned:
            self.logger.info("ledger_pruned", rows=pruned)
