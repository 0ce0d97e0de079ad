"""The books: the ledger's rows, usage summed up, and the audit log, in pages or as tables to take away."""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from torana.admin.operation import Ask, Desk, Operation, Table
from torana.admin.wire import After, Money, Most, Nothing, Owner, Page, Paged, Time, money, owner_of, page, time_of
from torana.core.errors import InvalidRequest
from torana.core.ledger import Row
from torana.storage.sql.entries import AuditEntry
from torana.storage.sql.ledger.table import Filter
from torana.storage.sql.ledger.usage import TooManyLines, UsageLine

_AT_ONCE = 500
"""Rows of the ledger that are fetched in one go while a table is sent."""
_MOST_GROUPS = 6
Form = Literal["json", "csv", "jsonl"]


class Wanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which calls are asked for: those that fit all that is given."""

    since: Annotated[Time | None, Meta(description="Calls that began then or later.")] = None
    until: Annotated[Time | None, Meta(description="Calls that began earlier.")] = None
    subject: Owner | None = None
    key: Annotated[str | None, Meta(description="A virtual key's id.")] = None
    team: str | None = None
    model: Annotated[str | None, Meta(description="The model as the caller named it.")] = None
    operation: str | None = None
    request_id: str | None = None
    status_from: Annotated[int, Meta(ge=100, le=599, description="400: only what failed.")] | None = None
    format: Annotated[Form | None, Meta(description="`csv` and `jsonl` are whole, not in pages.")] = None

    def filter(self) -> Filter:
        """As the database takes it."""
        kind, name = owner_of(self.subject) if self.subject else (None, None)
        return Filter(
            since=self.since.timestamp() if self.since else None,
            until=self.until.timestamp() if self.until else None,
            subject=name,
            kind=kind,
            key=self.key,
            team=self.team,
            model=self.model,
            operation=self.operation,
            request_id=self.request_id,
            status_from=self.status_from,
        )


class RowsWanted(Wanted, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which rows are asked for, and in which page."""

    limit: Most = 100
    after: After = None


class UsageWanted(Wanted, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which calls are summed up, and into which groups."""

    by: Annotated[
        str,
        Meta(
            examples=["day,model"],
            description="Separated by commas: `day` (UTC), `subject`, `kind`, `key`, `team`, `model`, `operation`, "
            "`target`, `status`, `metadata.KEY`. By team, a call counts for each of its caller's teams.",
        ),
    ] = "day"


class AuditWanted(Paged, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which changes are asked for."""

    kind: Annotated[str | None, Meta(description="`key`, `user`, `service_account`, `team`, `grant` ...")] = None
    name: str | None = None


class RowView(Struct, frozen=True, kw_only=True):
    """A call, as it was written down."""

    id: str
    request_id: str
    at: Time
    ended: Time
    subject: str
    issuer: str
    key: str | None
    teams: tuple[str, ...]
    operation: str
    model: str | None
    metadata: dict[str, str]
    target: str | None
    status: int
    error: str | None
    rule: Annotated[str | None, Meta(description="The limit, budget or grant that refused it.")]
    images: int | None
    tokens: dict[str, int]
    cost: Annotated[Money | None, Meta(description="null is unknown.")]
    price: Annotated[str | None, Meta(description="Where the price was read, and when.")]
    charged: Annotated[Money, Meta(description="To each of its budgets.")]
    budgets: tuple[str, ...]
    replayed: bool


class UsageView(Struct, frozen=True, kw_only=True):
    """The calls of one group, summed up."""

    group: Annotated[dict[str, str | None], Meta(description="What they have in common; null is what none says.")]
    requests: int
    errors: int
    images: int
    tokens: dict[str, int]
    cost: Annotated[Money, Meta(description="Of the calls whose cost is known.")]
    unknown: Annotated[int, Meta(description="How many calls there are whose cost is not.")]


class Usage(Struct, frozen=True):
    """Usage, one line for each group."""

    data: tuple[UsageView, ...]


class AuditView(Struct, frozen=True, kw_only=True):
    """A change that somebody made."""

    id: int
    at: Time
    actor: str
    origin: Annotated[str, Meta(description="An address, or the command line.")]
    action: str
    kind: str
    name: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def rows(desk: Desk, ask: Ask[RowsWanted, Nothing]) -> Page[RowView] | Table:
    """Calls, the newest first."""
    wanted = ask.query
    if wanted.format in {"csv", "jsonl"}:
        lines = (_cells(row_view(row)) for row in _every_row(desk, wanted.filter()))
        return Table(RowView.__struct_fields__, lines, wanted.format)
    before = _mark(wanted.after) if wanted.after else None
    found = desk.ledger.rows(wanted.filter(), limit=wanted.limit + 1, before=before)
    following = _written_mark(found[wanted.limit - 1]) if len(found) > wanted.limit else None
    return Page(tuple(map(row_view, found[: wanted.limit])), following)


def usage(desk: Desk, ask: Ask[UsageWanted, Nothing]) -> Usage | Table:
    """What was used, by groups."""
    wanted = ask.query
    by = tuple(dict.fromkeys(each.strip() for each in wanted.by.split(",") if each.strip()))
    if len(by) > _MOST_GROUPS:
        raise InvalidRequest(f"At most {_MOST_GROUPS} groups can be asked for at once.", param="by")
    try:
        lines = _summed(desk, wanted.filter(), by)
    except (ValueError, TooManyLines) as error:
        raise InvalidRequest(str(error), param="by") from error
    if wanted.format in {"csv", "jsonl"}:
        columns = (*by, *UsageView.__struct_fields__[1:])
        return Table(columns, ((*line.group, *_cells(_usage_view(line, by))[1:]) for line in lines), wanted.format)
    return Usage(tuple(_usage_view(line, by) for line in lines))


def _summed(desk: Desk, wanted: Filter, by: tuple[str, ...]) -> list[UsageLine]:
    """The sums. A subject is called by his kind and his name, for a service account may have a user's name."""
    if "subject" not in by:
        return desk.ledger.usage(wanted, by)
    asked = (*by, "kind")
    place = by.index("subject")
    return [
        msgspec.structs.replace(
            line, group=(*line.group[:place], f"{line.group[-1]}:{line.group[place]}", *line.group[place + 1 : -1])
        )
        for line in desk.ledger.usage(wanted, asked)
    ]


def audit(desk: Desk, ask: Ask[AuditWanted, Nothing]) -> Page[AuditView]:
    """Changes, the newest first."""
    wanted = ask.query
    before = _number(wanted.after) if wanted.after else None
    found = desk.registers.audit(limit=wanted.limit + 1, before=before, kind=wanted.kind, name=wanted.name)
    return page([_audit_view(entry) for entry in found], wanted.limit, lambda entry: str(entry.id))


def row_view(row: Row) -> RowView:
    """A row of the ledger as it is shown."""
    opened, closed = row.opened, row.closed
    return RowView(
        id=opened.id,
        request_id=opened.request_id,
        at=time_of(opened.at),
        ended=time_of(closed.at),
        subject=f"{opened.kind}:{opened.subject}",
        issuer=opened.issuer,
        key=opened.key,
        teams=opened.teams,
        operation=opened.operation,
        model=opened.model,
        metadata=dict(opened.metadata),
        target=closed.target,
        status=closed.status,
        error=closed.error,
        rule=closed.rule,
        images=closed.images,
        tokens=dict(closed.tokens),
        cost=None if closed.cost is None else money(closed.cost),
        price=closed.price,
        charged=money(closed.charged),
        budgets=tuple(charge.budget for charge in opened.charges),
        replayed=closed.replayed,
    )


def _every_row(desk: Desk, wanted: Filter) -> Iterator[Row]:
    """All of them, a few at a time, so that a long table needs no more memory than a short one."""
    before = None
    while found := desk.ledger.rows(wanted, limit=_AT_ONCE, before=before):
        yield from found
        before = (found[-1].opened.at, found[-1].opened.id)


def _cells(view: Struct) -> tuple[object, ...]:
    return tuple(msgspec.to_builtins(getattr(view, name)) for name in view.__struct_fields__)


def _usage_view(line: UsageLine, by: tuple[str, ...]) -> UsageView:
    return UsageView(
        group=dict(zip(by, line.group, strict=True)),
        requests=line.requests,
        errors=line.errors,
        images=line.images,
        tokens=dict(line.tokens),
        cost=money(line.cost),
        unknown=line.unknown,
    )


def _audit_view(entry: AuditEntry) -> AuditView:
    return AuditView(
        id=entry.id,
        at=time_of(entry.at),
        actor=entry.actor,
        origin=entry.origin,
        action=entry.action,
        kind=entry.kind,
        name=entry.name,
        before=_told(entry.before),
        after=_told(entry.after),
    )


def _told(document: Mapping[str, Any] | None) -> dict[str, Any] | None:
    # The registers keep no digest in the audit log; were there one, it would not leave here.
    return None if document is None else {name: value for name, value in document.items() if name != "digest"}


def _mark(written: str) -> tuple[float, str]:
    at, _, row = written.partition("_")
    try:
        moment = float(at)
    except ValueError:
        raise _unmarked() from None
    if not math.isfinite(moment):
        raise _unmarked()
    return moment, row


def _written_mark(row: Row) -> str:
    return f"{row.opened.at!r}_{row.opened.id}"


def _number(written: str) -> int:
    if not (written.isascii() and written.isdecimal() and len(written) < len(str(2**63))):
        raise _unmarked()
    return int(written)


def _unmarked() -> InvalidRequest:
    return InvalidRequest("`after` is the `next` of the page before, as it was given.", param="after")


OPERATIONS = (
    Operation("GET", "/ledger", "List calls", rows, Page[RowView], RowsWanted, Nothing, tables=True),
    Operation("GET", "/usage", "Sum up usage", usage, Usage, UsageWanted, Nothing, tables=True),
    Operation("GET", "/audit", "List changes", audit, Page[AuditView], AuditWanted, Nothing),
)
