"""All that SQLite and PostgreSQL do not say alike, so that whatever is above says it once."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from msgspec.json import Encoder
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Result,
    Table,
    Text,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.selectable import TableValuedAlias

_ENCODER = Encoder()
_DAY = 86400
_CLASHES = frozenset({"40001", "40P01"})
"""PostgreSQL's codes for transactions that could not be put in an order, and for a deadlock."""


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what happens ON CONFLICT."""
    return postgresql.insert(table) if _is_postgresql(connection) else sqlite.insert(table)


def write(
    connection: Connection,
    statement: postgresql.Insert | sqlite.Insert,
    rows: Sequence[Mapping[str, object]],
    *,
    returning: Sequence[Column[Any]],
) -> Result[Any]:
    """Executes an INSERT for many rows, in their order; each has every column of the table."""
    if not _is_postgresql(connection):
        return connection.execute(statement.returning(*returning), rows)
    # One parameter: thousands of them would cost more than the rows do.
    document = cast(literal(_ENCODER.encode(rows).decode(), Text), JSON)
    given = func.json_populate_recordset(literal_column(f"NULL::{statement.table.name}"), document)
    columns = [column(each.name, each.type) for each in statement.table.c]
    source = select(*given.table_valued(*columns).c)
    return connection.execute(statement.from_select(columns, source).returning(*returning))


def takes_many(connection: Connection) -> bool:
    """Whether ``add_unknown`` is the quicker way."""
    return not _is_postgresql(connection)


def add_unknown(connection: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> int:
    """Adds the rows whose key is not there, by SQLite's own driver; says how many, and not which.

    Each has every column of the table, as the driver takes it.
    """
    added: int = connection.exec_driver_sql(_adding(table), [*rows]).rowcount
    return added


@cache
def _adding(table: Table) -> str:
    statement = sqlite.insert(table).on_conflict_do_nothing(index_elements=[*table.primary_key])
    return str(statement.compile(dialect=sqlite.dialect()))


def elements(connection: Connection, array: ColumnElement[object]) -> TableValuedAlias:
    """The texts in a JSON array, as rows of one column called ``value``."""
    unfold = func.json_array_elements_text if _is_postgresql(connection) else func.json_each
    return unfold(array).table_valued(column("value", Text))


def members(connection: Connection, thing: ColumnElement[object]) -> TableValuedAlias:
    """What a JSON object holds, as rows of the columns ``key`` and ``value``."""
    unfold = func.json_each_text if _is_postgresql(connection) else func.json_each
    return unfold(thing).table_valued(column("key", Text), column("value", Text))


def day(connection: Connection, moment: ColumnElement[float]) -> ColumnElement[int]:
    """How many whole days (UTC) after the epoch a moment lies; it is not before the epoch."""
    days = moment / _DAY
    # A cast cuts off in SQLite, which may lack floor(), and rounds in PostgreSQL.
    return cast(func.floor(days) if _is_postgresql(connection) else days, BigInteger)


def clashed(error: BaseException | None) -> bool:
    """Whether two transactions were in each other's way, so that it helps to begin anew."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _CLASHES


def _is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"
