"""Writes each call down: one row, opened before anything may be spent, closed however the call ends."""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol, Self

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


class Row:
    """One call's row, on its way; what is known of it is filled in as it comes."""

    __slots__ = (
        "_is_written", "_ledger", "_metadata", "_now", "_opened", "_operation", "_principal", "_request_id",
        "_within", "allowance", "id", "model", "replayed", "target", "usage",
    )  # fmt: skip

    def __init__(
        self,
        ledger: "Ledger",
        principal: Principal,
        operation: str,
        request_id: str,
        metadata: Mapping[str, str],
        within: float,
    ) -> None:
        self.id = next(ledger.ids)
        """The row's own name, which nobody else has."""
        self._ledger = ledger
        self._principal = principal
        self._operation = operation
        self._request_id = request_id
        self._metadata = metadata
        self._within = within
        self._now = ledger.clock.now()
        self._opened: Opened | None = None
        self._is_written = False
        self.model: str | None = None
        self.target: str | None = None
        self.usage = _NOTHING_USED
        self.allowance = Allowance()
        """What its budgets were charged, when that is settled."""
        self.replayed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.close(error)

    def open(self, charges: tuple[Charge, ...] = (), reserved: int = 0) -> None:
        """Writes down that it begins and what it may cost; Unwritable where it cannot be, and must."""
        if self._opened is not None:
            return
        ledger = self._ledger
        opened = self._begins(charges, reserved)
        self._is_written = ledger.write(opened)
        self._opened = opened

    def close(self, error: BaseException | None) -> None:
        """Writes down what came of it."""
        usage, allowance = self.usage, self.allowance
        status, code, rule = _DONE if error is None else _outcome(error)
        closed = Closed(
            self.id,
            at=self._ledger.clock.now(),
            status=status,
            error=code,
            rule=rule,
            target=self.target,
            images=usage.images,
            tokens=usage.tokens,
            cost=self._cost,
            price=usage.price,
            charged=allowance.charged,
            settled=allowance.settled,
            replayed=self.replayed,
        )
        if self._is_written:
            self._ledger.write_end(closed)
        else:
            # Not opened, or there was no room then; an end alone would belong to nothing.
            self._ledger.write_end(self._opened or self._begins(), closed)

    def _begins(self, charges: tuple[Charge, ...] = (), reserved: int = 0) -> Opened:
        principal, now = self._principal, self._now
        return Opened(
            self.id,
            self._request_id,
            now,
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
            now + self._within,
        )

    @property
    def _cost(self) -> int | None:
        """Nano-dollars; nothing where nothing was spent, as for what was refused or replayed."""
        if self.usage.cost is not None:
            return nanos(self.usage.cost)
        return None if self.allowance.spent else 0


def _ids() -> Iterator[str]:
    """Names that no other has: another process begins them otherwise, and here none comes twice."""
    beginning = secrets.token_hex(8)
    return (f"{beginning}{number:08x}" for number in count())


@dataclass(frozen=True, slots=True)
class Ledger:
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
        return Row(self, principal, operation, request_id, metadata, within)

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
