"""What was used, summed up by the database."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Subquery,
    case,
    cast,
    func,
    or_,
    select,
    true,
)

from torana.storage.sql import differences
from torana.storage.sql.ledger.records import text
from torana.storage.sql.tables import ledger

MOST = 20_000
"""Lines of an answer, and kinds of tokens in them."""
_PLAIN = ("subject", "kind", "key", "model", "operation", "target", "status")
_METADATA = "metadata."
_EPOCH = date(1970, 1, 1).toordinal()
_FAILED = 400
"""The first status of those that tell of an error."""


class TooManyLines(Exception):
    """An answer would have more lines than anybody reads; the message says what to do."""


class UsageLine(Struct, frozen=True):
    """The calls of one group."""

    group: tuple[str | None, ...]
    """In the order in which groups were asked for; a day as 2026-01-31, None where calls do not say."""
    requests: int
    errors: int
    images: int
    tokens: Mapping[str, int]
    """By kind."""
    cost: int
    """Of those whose cost is known, in nano-dollars."""
    unknown: int
    """How many there are whose cost is not."""


def usage(connection: Connection, where: Sequence[ColumnElement[bool]], by: Sequence[str]) -> list[UsageLine]:
    """The sums of the rows that fit, one line for each group, in their order; one line in all where ``by`` is empty.

    ``by`` are some of day (UTC), subject, kind, key, team, model, operation, target, status and ``metadata.KEY``. By
    team, a call counts for each team of its caller, so that such lines may add up to more than was used. ValueError
    names what cannot be grouped by; TooManyLines when there are more than MOST lines, or kinds of tokens in them.
    """
    calls = _calls(connection, where, by)
    groups = list(calls.c)[: len(by)]
    tokens = _tokens(connection, calls, groups)
    lines = [
        UsageLine(_told(group, by), requests, errors, int(images or 0), tokens[tuple(group)], int(cost or 0), unknown)
        for *group, requests, errors, images, cost, unknown in _bounded(connection, _sums(calls, groups))
    ]
    return sorted(lines, key=lambda line: [(each is not None, each or "") for each in line.group])


def _calls(connection: Connection, where: Sequence[ColumnElement[bool]], by: Sequence[str]) -> Subquery:
    """The rows that fit, beginning with their groups."""
    source: FromClause = ledger
    teams = differences.elements(connection, ledger.c.teams).alias("teams")
    if "team" in by:
        source = source.outerjoin(teams, true())
    groups = [
        (teams.c.value if field == "team" else _group(connection, field)).label(f"by_{place}")
        for place, field in enumerate(by)
    ]
    counted = (ledger.c.status, ledger.c.error, ledger.c.images, ledger.c.tokens, ledger.c.cost)
    return (
        select(*groups, *[each.label(f"of_{each.name}") for each in counted])
        .select_from(source)
        .where(*where)
        .subquery()
    )


def _group(connection: Connection, field: str) -> ColumnElement[Any]:
    if field == "day":
        return differences.day(connection, ledger.c.started)
    if field in _PLAIN:
        return ledger.c[field]
    if field.startswith(_METADATA):
        pairs = differences.members(connection, ledger.c.metadata)
        key = text(field.removeprefix(_METADATA))
        return select(pairs.c.value).where(pairs.c.key == key).scalar_subquery()
    known = ", ".join(["day", "team", *_PLAIN])
    raise ValueError(f"Usage can be grouped by {known} and metadata.KEY, not by '{field}'.")


def _sums(calls: Subquery, groups: Sequence[ColumnElement[Any]]) -> Select[Any]:
    one, of = func.count(), calls.c
    failed = case((or_(of.of_error.is_not(None), of.of_status >= _FAILED), 1))
    sums = (one, func.count(failed), func.sum(of.of_images), func.sum(of.of_cost), one - func.count(of.of_cost))
    return select(*groups, *sums).select_from(calls).group_by(*groups)


def _tokens(
    connection: Connection, calls: Subquery, groups: Sequence[ColumnElement[Any]]
) -> Mapping[tuple[Any, ...], dict[str, int]]:
    """How many of each kind each group took."""
    each = differences.members(connection, calls.c.of_tokens)
    counted = select(*groups, each.c.key, func.sum(cast(each.c.value, BigInteger))).select_from(
        calls.join(each, true())
    )
    tokens: defaultdict[tuple[Any, ...], dict[str, int]] = defaultdict(dict)
    for *group, kind, count in _bounded(connection, counted.group_by(*groups, each.c.key)):
        tokens[tuple(group)][kind] = int(count)
    return tokens


def _bounded(connection: Connection, asked: Select[Any]) -> Sequence[Any]:
    found = connection.execute(asked.limit(MOST + 1)).all()
    if len(found) > MOST:
        raise TooManyLines(f"This usage has more than {MOST:,} lines. Ask for less time, or for fewer groups.")
    return found


def _told(group: Sequence[Any], by: Sequence[str]) -> tuple[str | None, ...]:
    return tuple([None if value is None else _written(value, field) for value, field in zip(group, by, strict=True)])


def _written(value: object, field: str) -> str:
    if field == "day" and isinstance(value, int):
        return date.fromordinal(_EPOCH + value).isoformat()
    return str(value)
