"""Writes each call down: one row, opened before anything may be spent, closed however the call ends."""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Protocol, Self

from msgspec import Struct, field

from torana.core.clock import Clock
from torana.core.errors import ToranaError, Unwritable
from torana.core.exchange import Principal, Usage
from torana.core.ledger import Charge, Closed, Opened
from torana.core.money import nanos
from torana.policy.permits import Allowance
from torana.storage.journal.writing import JournalFailed

_CLIENT_GONE = 499
_CUT_OFF = "cut_off"
_FAILED = 500
_NOTHING_USED = Usage()

_Outcome = tuple[int, str | None, str | None]
"""The status, the error's code, and the rule that refused."""
_DONE: _Outcome = (200, None, None)


class Writes(Protocol):
    """Where rows are written."""

    def write(self, *entries: Opened | Closed) -> None:
        """Adds entries, all or none; JournalFailed."""
        ...


class Row(Struct, eq=False):
    """One call's row, on its way; what is known of it is filled in as it comes."""

    id: str
    """The row's own name, which nobody else has."""
    _ledger: "Ledger"
    _principal: Principal
    _operation: str
    _request_id: str
    _metadata: Mapping[str, str]
    _at: float
    _within: float
    model: str | None = None
    target: str | None = None
    usage: Usage = _NOTHING_USED
    allowance: Allowance = field(default_factory=Allowance)
    """What its budgets were charged, when that is settled."""
    replayed: bool = False
    _opened: Opened | None = None
    _is_written: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Writes down what came of it."""
        usage, allowance, ledger = self.usage, self.allowance, self._ledger
        status, code, rule = _DONE if error is None else _outcome(error)
        cost, charged = usage.cost, allowance.charged
        if cost is None:
            # Nothing where nothing was spent, as for what was refused or replayed.
            spent = None if allowance.spent else 0
        else:
            # Budgets that were charged this cost were charged it in nano-dollars.
            spent = charged if charged and cost is allowance.cost else nanos(cost)
        closed = Closed(
            self.id,
            at=ledger.clock.now(),
            status=status,
            error=code,
            rule=rule,
            target=self.target,
            images=usage.images,
            tokens=usage.tokens,
            cost=spent,
            price=usage.price,
            charged=charged,
            settled=allowance.settled,
            replayed=self.replayed,
        )
        if self._is_written:
            ledger.write_end(closed)
        else:
            # Not opened, or there was no room then; an end alone would belong to nothing.
            ledger.write_end(self._opened or self._begins(), closed)

    def open(self, charges: tuple[Charge, ...] = (), reserved: int = 0) -> bool:
        """Writes down that it begins and what it may cost; Unwritable where it cannot be, and must.

        Whether it was not open before: a call that is begun again is the same one, and the last word counts of what it
        reserves.
        """
        before = self._opened
        if before is None or before.reserved != reserved:
            opened = self._begins(charges, reserved)
            self._is_written = self._ledger.write(opened)
            self._opened = opened
        return before is None

    def _begins(self, charges: tuple[Charge, ...] = (), reserved: int = 0) -> Opened:
        principal, at = self._principal, self._at
        return Opened(
            self.id,
            self._request_id,
            at,
            principal.subject,
            principal.kind,
            principal.issuer,
            self._operation,
            self.model,
            principal.key,
            principal.teams,
            self._metadata,
            charges,
            reserved,
            at + self._within,
        )


def _ids() -> Iterator[str]:
    """Names that no other has: another process begins them otherwise, and here none comes twice."""
    return map(f"{secrets.token_hex(8)}%08x".__mod__, count())


class Ledger(Struct, frozen=True):
    """Rows of calls, into a journal; None keeps no ledger."""

    journal: Writes | None
    clock: Clock
    required: bool = False
    """Whether a call that cannot be written down is refused."""
    lost: Callable[[str], None] = lambda _why: None
    """Told why an entry could not be written."""
    ids: Iterator[str] = field(default_factory=_ids)
    """Names for rows."""

    def row(
        self,
        principal: Principal,
        operation: str,
        *,
        request_id: str,
        metadata: Mapping[str, str],
        within: float,
    ) -> Row:
        """The row of a call that ends within so many seconds; it is closed when the context ends."""
        return Row(next(self.ids), self, principal, operation, request_id, metadata, self.clock.now(), within)

    def write(self, entry: Opened) -> bool:
        """Adds the beginning of a call, and says whether that went well; Unwritable where it did not, and must."""
        if self.journal is None:
            return True
        try:
            self.journal.write(entry)
        except JournalFailed as error:
            self.lost(str(error))
            if self.required:
                raise Unwritable(
                    "The call cannot be written down at the moment. Try again in a while.", retry_after=5
                ) from error
            return False
        return True

    def write_end(self, *entries: Opened | Closed) -> None:
        """Adds the end of a call. What is done is done: that it cannot be written is told, and changes nothing."""
        if self.journal is None:
            return
        try:
            self.journal.write(*entries)
        except JournalFailed as error:
            self.lost(str(error))


def _outcome(error: BaseException) -> _Outcome:
    if isinstance(error, ToranaError):
        return error.status, error.code, error.rule
    if isinstance(error, asyncio.CancelledError):
        return _CLIENT_GONE, _CUT_OFF, None
    return _FAILED, "internal_error", None
