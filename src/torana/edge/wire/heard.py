"""The headers of requests, as ASGI has them and as they are asked for."""

from collections.abc import Iterable


class Heard(list[tuple[bytes, bytes]]):
    """A head's headers that also knows them by name, so that a head that is known again is not read again."""

    __slots__ = ("by_name",)
    by_name: dict[str, str]


def by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by their lower-case names; a repeated one is one with a comma, so that none slips in unseen."""
    if isinstance(headers, Heard):
        return headers.by_name
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
