"""Tables on their way out: CSV that a spreadsheet opens without running anything in it, and JSON, a line each."""

import csv
import io
from collections.abc import Iterator
from itertools import islice

import msgspec

from torana.admin.operation import Table

MEDIA = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
_ROWS = 200
"""Rows that are sent in one piece."""
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What spreadsheets take for the beginning of a formula, or step over to find one."""


def written(table: Table) -> Iterator[bytes]:
    """The table, piece by piece."""
    if table.form == "csv":
        yield _csv([table.columns])
    while rows := list(islice(table.rows, _ROWS)):
        if table.form == "csv":
            yield _csv([tuple(map(_cell, row)) for row in rows])
        else:
            yield b"".join(msgspec.json.encode(dict(zip(table.columns, row, strict=True))) + b"\n" for row in rows)


def _csv(rows: list[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, list | tuple | dict | bool):
        value = msgspec.json.encode(value).decode()
    if isinstance(value, str) and value.startswith(_DANGEROUS):
        return f"'{value}"
    return value
