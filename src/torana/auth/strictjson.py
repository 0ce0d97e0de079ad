"""Reads a JSON object that a stranger wrote, and refuses whatever two readers could understand differently."""

import json
from typing import NoReturn


def read_object(data: bytes) -> dict[str, object]:
    """The object that ``data`` holds: UTF-8, no member twice, no NaN or Infinity; ValueError for anything else."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - a reader of documents, not of types
    return value


def _unique(members: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(members)
    if len(read) != len(members):
        raise ValueError("a member is there twice")
    return read


def _no_number(_constant: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")
