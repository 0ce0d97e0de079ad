"""The settings of money and of what is written down: budgets, the ledger, the database, the admin API."""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from torana.config.rules import RuleName, Share, When
from torana.config.secrets import Secret
from torana.config.units import MAY_BE_ZERO, Bytes, Seconds
from torana.core.periods import Every

_MOST = 9_000_000
"""Dollars. Beyond it a store that counts in floating point would begin to round."""
_PLACES = 9
"""Behind the point: money is counted in nano-dollars."""

_SHORTEST = Bytes(1024**2)
"""A journal that one slow second of the database would fill is none."""


class Budget(Struct, frozen=True, forbid_unknown_fields=True):
    """How much money may be spent in a stretch of the calendar (UTC). Of several that fit a call, each counts."""

    name: RuleName
    limit: Annotated[Decimal, Meta(examples=["500.00"], description="US dollars, exactly.")]
    every: Annotated[Every, Meta(description="In which stretch; weeks begin on Mondays.")] = "month"
    per: Annotated[
        tuple[Share, ...],
        Meta(description="For each of what apart: `user`, `team`, `key`, `model`, `metadata.KEY`. Default: together."),
    ] = ()
    when: When = field(default_factory=When)
    mode: Annotated[
        Literal["hard", "soft"], Meta(description="Refuse what goes beyond it (429), or only count and alert.")
    ] = "hard"
    unknown: Annotated[
        Literal["refuse", "admit"],
        Meta(description="What a hard budget does with calls of which nobody knows what they may cost."),
    ] = "refuse"
    unavailable: Annotated[
        Literal["closed", "open"],
        Meta(description="While spending cannot be counted: refuse (503), or let pass and count afterwards."),
    ] = "closed"
    alerts: Annotated[
        tuple[Annotated[float, Meta(gt=0, le=10)], ...],
        Meta(description="Shares of the limit at which an alert goes out, once in each period."),
    ] = (0.75, 0.9, 1.0)

    def __post_init__(self) -> None:
        if not (self.limit.is_finite() and 0 <= self.limit <= _MOST):
            raise ValueError(f"a budget is 0 to {_MOST:,} dollars")
        # Written out, 1E-999999999 would take all memory.
        if self.limit.adjusted() < -_PLACES:
            raise ValueError("a budget is 0, or 0.000000001 dollars or more")


class Alerts(Struct, frozen=True, forbid_unknown_fields=True):
    """Where it is told that budgets run out."""

    webhook: Annotated[Secret, Meta(description="URL that each alert is posted to, as JSON.")] | None = None
    timeout: Annotated[Seconds, Meta(description="How long one delivery may take.")] = Seconds(5)
    retry_for: Annotated[Seconds, Meta(description="How long a delivery that fails is tried again.")] = Seconds(86400)


class Ledger(Struct, frozen=True, forbid_unknown_fields=True):
    """One row for each call, written behind the request: first to a journal on disk, from there to the database."""

    journal_max: Annotated[
        Bytes,
        Meta(
            description="Bytes of the journal, which bridges outages of the database; then rows are lost. "
            f"{_SHORTEST} or more."
        ),
    ] = Bytes(1024**3)
    sync: Annotated[
        Seconds,
        Meta(extra=MAY_BE_ZERO, description="What a power cut may lose; a killed gateway loses nothing. 0: nothing."),
    ] = Seconds(1)
    required: Annotated[bool, Meta(description="Refuse calls (503) that cannot be written down.")] = False
    batch: Annotated[int, Meta(ge=1, le=10_000, description="Rows written to the database at once.")] = 2000
    every: Annotated[Seconds, Meta(description="How often rows are taken from the journal to the database.")] = Seconds(
        0.25
    )
    keep: Annotated[
        Seconds, Meta(extra=MAY_BE_ZERO, description="How long rows are kept in the database; 0 is for ever.")
    ] = Seconds(400 * 86400)

    def __post_init__(self) -> None:
        if self.journal_max < _SHORTEST:
            raise ValueError(f"`journal_max` is {_SHORTEST} or more")


class Database(Struct, frozen=True, forbid_unknown_fields=True):
    """Where keys, rules and the ledger are kept: SQLite in `data_dir`, or PostgreSQL."""

    url: (
        Annotated[
            Secret,
            Meta(description="`postgresql://...`; extra `torana[postgres]`. Default: a SQLite file in `data_dir`."),
        ]
        | None
    ) = None
    connections: Annotated[int, Meta(ge=1, le=100, description="At most, for each gateway's office.")] = 5
    timeout: Annotated[Seconds, Meta(description="How long one statement may take.")] = Seconds(10)
    poll: Annotated[
        Seconds, Meta(description="How often changes are looked for; PostgreSQL tells of them besides.")
    ] = Seconds(1)
    enabled: Annotated[bool, Meta(description="Without it: no virtual keys, no budgets, no ledger, no admin API.")] = (
        True
    )


class Admin(Struct, frozen=True, forbid_unknown_fields=True):
    """The admin API, under `/admin`."""

    port: (
        Annotated[int, Meta(ge=0, le=65535, description="Port of its own. Default: beside the rest, on the gateway's.")]
        | None
    ) = None
    host: Annotated[str, Meta(min_length=1, description="Address to listen on, with a port of its own.")] = "127.0.0.1"
    max_body: Annotated[Bytes, Meta(description="Bytes of one request.")] = Bytes(1024**2)
