"""Says when budgets run out: once for each threshold and period, to a webhook that may fail for a while."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from torana.config.books import Alerts, Budget
from torana.core.clock import Clock
from torana.core.ledger import Charge, Spent
from torana.core.money import dollars, nanos
from torana.jobs.threads import in_thread
from torana.storage.sql.alerts import Alert, AlertTable
from torana.telemetry.logs import Logger

Post = Callable[[str, bytes], Awaitable[int]]
"""Sends JSON to a URL and gives the status; OSError and TimeoutError where that fails."""

_AT_ONCE = 10
_MOST_KNOWN = 100_000
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 3600.0
_MOST_DOUBLINGS = 20
_OK = range(200, 300)


@dataclass(slots=True)
class Alerting:
    """Notes what has crossed a threshold, and delivers it."""

    table: AlertTable
    budgets: Callable[[], Sequence[Budget]]
    """Those that count now."""
    settings: Alerts
    url: str | None
    post: Post
    clock: Clock
    logger: Logger
    _known: set[tuple[Charge, float]] = field(default_factory=set)
    """What has been noted, so that the database need not be asked with every call."""

    def watch(self, totals: Sequence[Spent]) -> None:
        """Looks at what budgets have come to; each threshold is noted once, whichever office sees it first."""
        budgets = {budget.name: budget for budget in self.budgets()}
        for spent in totals:
            budget = budgets.get(spent.charge.budget)
            if budget is None:
                continue
            limit = nanos(budget.limit)
            for threshold in budget.alerts:
                if spent.amount and spent.amount >= limit * threshold:
                    self._note(budget, spent, threshold)

    async def deliver(self) -> None:
        """What is due; DatabaseUnavailable leaves it due."""
        if self.url is None:
            return
        for _ in range(_AT_ONCE):
            # One by one: nobody else gets what is taken, and only for a while.
            due = await in_thread(self.table.due, self.clock.now(), 1)
            if not due:
                return
            await self._deliver(self.url, due[0])

    async def _deliver(self, url: str, alert: Alert) -> None:
        gives_up = alert.at + self.settings.retry_for
        trouble = "too old" if self.clock.now() > gives_up else await self._tried(url, alert)
        now = self.clock.now()
        if trouble is None:
            await in_thread(self.table.delivered, alert, now)
            return
        pause = min(_FIRST_PAUSE * 2 ** min(alert.tries, _MOST_DOUBLINGS), _LONGEST_PAUSE)
        last = now + pause > gives_up
        self.logger.warning("alert_failed", budget=alert.charge.budget, reason=trouble, given_up=last or None)
        await in_thread(self.table.failed, alert, None if last else now + pause)

    def _note(self, budget: Budget, spent: Spent, threshold: float) -> None:
        if (spent.charge, threshold) in self._known:
            return
        document = {
            "type": "budget.threshold_reached",
            "budget": budget.name,
            "share": spent.charge.share,
            "period": spent.charge.period,
            "threshold": threshold,
            "limit": f"{budget.limit:f}",
            "spent": f"{dollars(spent.amount):f}",
            "mode": budget.mode,
        }
        now = self.clock.now()
        if self.table.note(Alert(spent.charge, threshold, at=now, document=document, tries=0)):
            self.logger.warning("budget_alert", **{name: value for name, value in document.items() if name != "type"})
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.add((spent.charge, threshold))

    async def _tried(self, url: str, alert: Alert) -> str | None:
        """What went wrong, if anything did."""
        body = msgspec.json.encode({**alert.document, "at": datetime.fromtimestamp(alert.at, UTC)})
        try:
            async with asyncio.timeout(self.settings.timeout):
                status = await self.post(url, body)
        except TimeoutError:
            return "timeout"
        except OSError as error:
            return type(error).__name__
        return None if status in _OK else f"status {status}"
