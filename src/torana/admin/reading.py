"""What comes in, checked: the query, the body and the names in the path, each mistake with the name of its field."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct

from torana.admin.wire import units
from torana.core.errors import InvalidRequest, TooLarge

T = TypeVar("T")
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f]")
_WHERE = re.compile(r" - at `\$\.?(.*)`$")
_NAMED = re.compile(r"^Object (contains unknown|missing required) field `(.*)`$")
_LONGEST = 1024
"""Characters of one name or value in a URL."""


def read_path(names: Mapping[str, Any]) -> dict[str, str]:
    """The names in a path."""
    return {name: _visible(name, str(value)) for name, value in names.items()}


def read_query(pairs: Iterable[tuple[str, str]], kind: type[T]) -> T:
    """A query as what it should be; InvalidRequest names the parameter that is wrong."""
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise InvalidRequest(f"`{_shown(name)}` is given twice.", param=_shown(name))
        values[name] = _visible(_shown(name), value)
    try:
        return msgspec.convert(values, kind, strict=False, dec_hook=units)
    except msgspec.ValidationError as error:
        raise _explained(error, "parameter", kind) from error


def read_body(body: bytes, kind: type[T]) -> T:
    """A body as what it should be, none as an empty object; InvalidRequest names the field that is wrong."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind, dec_hook=units)
    except msgspec.ValidationError as error:
        raise _explained(error, "field", kind) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest("The body is not valid JSON.", code="invalid_json") from error


async def collected(chunks: AsyncIterator[bytes], most: int) -> bytes:
    """A whole body; TooLarge beyond so many bytes, without reading on."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise TooLarge(f"The body is larger than {most:,} bytes.")
        parts.append(chunk)
    return b"".join(parts)


def _visible(name: str, value: str) -> str:
    if not value or len(value) > _LONGEST or _INVISIBLE.search(value):
        raise InvalidRequest(f"`{name}` must have 1 to {_LONGEST:,} characters, none of them invisible.", param=name)
    return value


def _explained(error: msgspec.ValidationError, what: str, kind: type) -> InvalidRequest:
    text = str(error)
    where = _WHERE.search(text)
    within = where[1] if where else ""
    told = text[: where.start()] if where else text
    named = _NAMED.match(told)
    if named:
        path = ".".join(part for part in (within, named[2]) if part)
        if named[1] == "missing required":
            return InvalidRequest(f"The {what} `{_shown(path)}` is missing.", param=_shown(path), code="missing_field")
        return InvalidRequest(f"There is no {what} `{_shown(path)}` here.", param=_shown(path), code="unknown_field")
    if "regex" in told:
        told = _form(kind, within)
    if "RFC3339" in told:
        told = "A time is written as `2026-01-31T12:00:00Z`"
    return InvalidRequest(f"The {what} `{within}` is wrong. {told}." if within else f"{told}.", param=within or None)


def _form(kind: type, name: str) -> str:
    """What would be of the right form, as far as the field's type says."""
    known = (
        {field.encode_name: field.type for field in msgspec.structs.fields(kind)} if issubclass(kind, Struct) else {}
    )
    examples = [f"`{example}`" for example in _examples(known.get(name))]
    if not examples:
        return "It is not of the right form; /admin/openapi.json has its pattern"
    return f"It is written like {' or '.join(examples)}"


def _examples(kind: object) -> Iterator[object]:
    for part in get_args(kind):
        yield from (part.examples or ()) if isinstance(part, Meta) else _examples(part)


def _shown(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name[:64])
