"""How things are written on the wire: times as RFC 3339 in UTC, money as decimal text, lists in pages."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

from torana.config.units import Seconds
from torana.core.errors import InvalidRequest
from torana.core.ledger import Kind
from torana.core.money import dollars

T = TypeVar("T")

Time = Annotated[datetime, Meta(tz=True, description="RFC 3339, such as `2026-01-31T12:00:00Z`.")]
Money = Annotated[str, Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?\Z", description="US dollars, exactly.")]
Owner = Annotated[
    str,
    Meta(
        pattern=r"^(user|service_account):[^\x00-\x1f\x7f]{1,1024}\Z",
        examples=["user:anna", "service_account:nightly"],
        description="Whose it is.",
    ),
]
Name = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,256}\Z")]
Text = Annotated[str, Meta(max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
TeamName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z", examples=["design"])]
After = Annotated[str | None, Meta(description="The `next` of the page before.")]
Most = Annotated[int, Meta(ge=1, le=1000, description="How many at most.")]


class Page(Struct, Generic[T], frozen=True):
    """A part of a list."""

    data: tuple[T, ...]
    next: Annotated[str | None, Meta(description="The `after` of the page that follows; null is the end.")] = None


class Paged(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which part of a list is asked for."""

    limit: Most = 100
    after: After = None


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is to be said."""


class Deleted(Struct, frozen=True):
    """It is gone."""

    deleted: str
    keys_revoked: int = 0


def page_of(items: Sequence[T], paged: Paged, key: Callable[[T], str]) -> Page[T]:
    """The part of a whole list that is asked for, in the order of its keys, which are unique."""
    rest = sorted((item for item in items if paged.after is None or key(item) > paged.after), key=key)
    return page(rest[: paged.limit + 1], paged.limit, key)


def page(found: Sequence[T], limit: int, key: Callable[[T], str]) -> Page[T]:
    """A page of so many, made of one more where there are more."""
    data = tuple(found[:limit])
    return Page(data, key(data[-1]) if len(found) > limit else None)


def time_of(seconds: float) -> datetime:
    """Seconds since the epoch, as they are written."""
    return datetime.fromtimestamp(seconds, UTC)


def maybe_time(seconds: float | None) -> datetime | None:
    """The same of what may not be."""
    return None if seconds is None else time_of(seconds)


def money(amount: int) -> str:
    """Nano-dollars as they are written."""
    return f"{dollars(amount):f}"


def owner_of(written: str, *, param: str = "owner") -> tuple[Kind, str]:
    """Kind and name of what was written as ``user:anna`` or ``service_account:nightly``."""
    kind, _, name = written.partition(":")
    if not name or kind not in {"user", "service_account"}:
        raise InvalidRequest(f"'{written}' is nobody: expected `user:NAME` or `service_account:NAME`.", param=param)
    return ("user" if kind == "user" else "service_account"), name


def units(kind: type, written: object) -> object:
    """Reads durations, for msgspec."""
    if issubclass(kind, Seconds):
        return kind.parse(written)
    raise NotImplementedError(kind)


def unit_schema(kind: type) -> dict[str, object]:
    """What a duration or a size is, for msgspec's schemas."""
    return {"type": ["string", "number"], "description": kind.__doc__ or ""}
