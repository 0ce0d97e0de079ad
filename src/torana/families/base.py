"""What a family is: where it answers, how its request is read, how its reply is written, what its contract says."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from msgspec import Struct

from torana.core.content import Picture, Recording, Upload
from torana.core.exchange import Partial, Reply
from torana.families.faults import OPENAI, Wording

R = TypeVar("R")
B = TypeVar("B")

Publish = Callable[[Picture], Awaitable[str]]
"""Keeps a made picture for a while and gives the link to it."""


class Form(Struct, frozen=True):
    """A parsed ``multipart/form-data`` body: text fields and files, each in the order they came.

    A file's bracketed name such as ``image[]`` or ``image[0]`` stands here under its plain name.
    """

    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, Upload], ...] = ()
    """Pictures."""
    sounds: tuple[tuple[str, Recording], ...] = ()


class Body(Struct, frozen=True):
    """Bytes on their way out: how many, of what kind, in pieces."""

    media_type: str
    length: int
    chunks: AsyncIterator[bytes] | Sequence[bytes | memoryview]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request: its JSON schema, and what the contract says of it."""

    name: str
    schema: Mapping[str, object]
    description: str
    required: bool = False
    nullable: bool = False
    extension: bool = False
    """Ours, beyond the contract."""


def _nothing(*_told: object) -> None:
    """Nothing is shown."""


def _unread(_form: Form) -> Any:  # noqa: ANN401 - whatever a family asks for
    """No form is taken."""
    raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation that clients may ask for, as the docs describe it."""

    operation: str
    """Its name in logs, metrics and declarations, for instance ``images.variations``."""
    method: str
    path: str
    """Without the version: it answers under ``/v1`` too."""
    tag: str
    summary: str
    description: str
    gives: str
    """What a reply holds, in a few words."""
    reply_schema: Mapping[str, object]
    media_types: tuple[str, ...] = ("application/json",)
    """What a reply may be; any but JSON is no business of the schema's."""
    parameters: tuple[Field, ...] = ()
    """What stands in the path, in braces."""
    wording: Wording = OPENAI
    """How its errors are told."""
    also: tuple[str, ...] = ()
    """Further paths, as they are."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path it answers at."""
        return self.path, f"/v1{self.path}", *self.also


@dataclass(frozen=True, slots=True, kw_only=True)
class Family(Endpoint, Generic[R, B]):
    """An operation that models do, declared once: the edge serves it and the docs describe it from here."""

    takes: str
    """What a request holds, in a few words."""
    fields: tuple[Field, ...] = ()
    """Those of a form; none where no form is taken."""
    files: frozenset[str] = frozenset()
    """Names of the fields that are pictures."""
    sounds: frozenset[str] = frozenset()
    """Names of the fields that are sounds."""
    long: frozenset[str] = frozenset()
    """Names of text fields that may be longer than others, because they hold short files."""
    read: Callable[[Form], R] = field(default=_unread, repr=False)
    """Checks a form and gives the typed request; InvalidRequest names the field."""
    parse: Callable[[bytes], R] | None = field(default=None, repr=False)
    """Does so for a body in JSON, of any shape; a family that has this takes no forms."""
    ignored: Callable[[R], tuple[str, ...]] = field(repr=False)
    """Names of fields that were sent and mean nothing here."""
    write: Callable[[R, Reply[B], Publish], Awaitable[Body]] = field(repr=False)
    """The reply as bytes."""
    json_fields: tuple[Field, ...] = ()
    """Those of a JSON body; none where no JSON is taken."""
    preview: Callable[[R, Partial, int], bytes | None] = field(default=_nothing, repr=False)
    """An unfinished picture as an event, at a time in seconds since the Unix epoch; None where it was not asked for."""
    fold: Callable[[R, Sequence[bytes]], B] | None = field(default=None, repr=False)
    """The whole answer out of all pieces of one that was told as it came; None where none is."""
    heartbeat: bytes = b""
    """What says to a client who waits for the next event that there is still somebody; none where nothing can."""
    forwards: tuple[str, ...] = ()
    """Headers of the client's that upstreams of the family's own dialect understand."""
