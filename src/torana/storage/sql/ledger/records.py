"""Rows of the ledger as the database keeps them: made to fit, so that none of them can hold up the others.

A database refuses a whole batch for one text with a NUL in it, and what the office cannot ship it must not throw away.
So what does not fit is mended in the row: a character that no database takes becomes U+FFFD, a text that is too long
for an index is cut and ends in its own hash, a number goes to the nearest that fits, and a time that is none to 0.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any

from msgspec.json import Encoder
from msgspec.structs import asdict, astuple, fields, replace

from torana.core.ledger import Charge, Closed, Opened, Row
from torana.storage.sql.tables import ledger

LONGEST = 1200
"""Bytes of a text; an entry of an index of PostgreSQL's has 2,700 at most."""
MOST = 10**15
"""Money and tokens of one call: a million dollars, and thousands of such calls still add up within 64 bits."""
_MOST_OF_FEW = 2**31 - 1
"""Pictures, and a status."""
_LAST = 253402300799.0
"""The last second of the year 9999, beyond which nothing has a date."""
_COLUMNS = tuple(ledger.c.keys())
_OPENED = tuple([field.name for field in fields(Opened) if field.name in ledger.c])
_CLOSED = tuple([field.name for field in fields(Closed) if field.name in ledger.c])
_ENCODER = Encoder()
_UNFIT = re.compile("[\0\ud800-\udfff]")


def fits(row: Row) -> bool:
    """Whether every database takes the row as it is; False also where only ``fitted`` can tell."""
    opened, closed = row.opened, row.closed
    try:
        written, charges = _ENCODER.encode(row), _ENCODER.encode(opened.charges)
    except UnicodeEncodeError:
        return False
    # What is short as a whole has nothing long in it, and whatever no database takes would be written by its number.
    if len(written) > LONGEST or len(charges) > LONGEST // 2 or b"\\u" in written:
        return False
    return (
        0 <= opened.at <= _LAST
        and 0 <= closed.at <= _LAST
        and 0 <= opened.reserved <= MOST
        and 0 <= closed.charged <= MOST
        and 0 <= closed.status <= _MOST_OF_FEW
        and 0 <= (closed.images or 0) <= _MOST_OF_FEW
        and 0 <= (closed.cost or 0) <= MOST
        and (not closed.tokens or (min(closed.tokens.values()) >= 0 and max(closed.tokens.values()) <= MOST))
    )


def fitted(row: Row) -> Row:
    """The row as every database takes it: equal to the one given unless something in it had to be mended."""
    return Row(_opened(row.opened), _closed(row.closed))


def _opened(opened: Opened) -> Opened:
    return replace(
        opened,
        id=text(opened.id),
        request_id=text(opened.request_id),
        at=_time(opened.at),
        subject=text(opened.subject),
        issuer=text(opened.issuer),
        operation=text(opened.operation),
        model=_maybe(opened.model),
        key=_maybe(opened.key),
        teams=tuple([text(team) for team in opened.teams]),
        metadata={text(key): text(value) for key, value in opened.metadata.items()},
        charges=tuple([_charge(charge) for charge in opened.charges]),
        reserved=_number(opened.reserved),
    )


def _closed(closed: Closed) -> Closed:
    return replace(
        closed,
        id=text(closed.id),
        at=_time(closed.at),
        status=_number(closed.status, _MOST_OF_FEW),
        error=_maybe(closed.error),
        rule=_maybe(closed.rule),
        target=_maybe(closed.target),
        images=None if closed.images is None else _number(closed.images, _MOST_OF_FEW),
        tokens={text(kind): _number(count) for kind, count in closed.tokens.items()},
        cost=None if closed.cost is None else _number(closed.cost),
        price=_maybe(closed.price),
        charged=_number(closed.charged),
    )


def _charge(charge: Charge) -> Charge:
    # All three are in one entry of an index.
    return Charge(text(charge.budget, LONGEST // 2), text(charge.share), text(charge.period, LONGEST // 2))


def text(written: str, longest: int = LONGEST) -> str:
    """A text as the database has it; what is looked for is mended in the same way, and so found."""
    clean = _UNFIT.sub("\ufffd", written)
    data = clean.encode()
    if len(data) <= longest:
        return clean
    end = f"~{hashlib.sha256(data).hexdigest()}"
    return data[: longest - len(end)].decode(errors="ignore") + end


def _maybe(written: str | None) -> str | None:
    return None if written is None else text(written)


def _number(given: int, most: int = MOST) -> int:
    return min(max(given, 0), most)


def _time(moment: float) -> float:
    return min(max(moment, 0.0), _LAST) if math.isfinite(moment) else 0.0


def columns(row: Row) -> dict[str, Any]:
    """The row as values of the table's columns: all of it, but when it would have been given up."""
    opened = row.opened
    charges = [astuple(charge) for charge in opened.charges]
    values = {**asdict(row.closed), **asdict(opened), "charges": charges, "started": opened.at, "ended": row.closed.at}
    return {column: values[column] for column in _COLUMNS}


def values(row: Row) -> tuple[str | float | None, ...]:
    """The same in the order of the table's columns, as SQLite's driver takes them."""
    opened, closed = row.opened, row.closed
    return (
        opened.id,
        opened.request_id,
        opened.at,
        closed.at,
        opened.subject,
        opened.kind,
        opened.issuer,
        opened.key,
        _ENCODER.encode(opened.teams).decode(),
        _ENCODER.encode(opened.metadata).decode(),
        opened.operation,
        opened.model,
        closed.target,
        closed.status,
        closed.error,
        closed.rule,
        closed.images,
        _ENCODER.encode(closed.tokens).decode(),
        closed.cost,
        closed.price,
        opened.reserved,
        closed.charged,
        _ENCODER.encode(opened.charges).decode(),
        closed.replayed,
    )


def row(columns: Mapping[Any, Any]) -> Row:
    """The row that values of the table's columns stand for."""
    opened = Opened(**{field: columns[field] for field in _OPENED}, at=columns["started"])
    closed = Closed(**{field: columns[field] for field in _CLOSED}, at=columns["ended"])
    charges = tuple([Charge(*charge) for charge in columns["charges"]])
    return Row(replace(opened, teams=tuple(columns["teams"]), charges=charges), closed)
