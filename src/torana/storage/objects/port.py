"""What every store of made pictures can do, and the values it is told and answers with."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A kept picture; ``size`` is in bytes, ``expires`` in seconds since the Unix epoch."""

    media_type: str
    size: int
    expires: int
    chunks: Callable[[], AsyncGenerator[bytes, None]] = field(repr=False)
    """The bytes, as often as asked; WorkFailed when the picture went in the meantime."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many pictures went since the last sweep: their time was up, or they made room for newer ones."""

    expired: int = 0
    evicted: int = 0


class Objects(Protocol):
    """Keeps pictures until they expire. WorkFailed, with the code ``storage_failed``, says that the store fails."""

    async def put(self, data: bytes, *, extension: str, expires: float) -> str:
        """Keeps a picture until ``expires``, in seconds since the Unix epoch; gives its name, which nobody can guess.

        ValueError for an extension of no picture.
        """
        ...

    async def open(self, name: str) -> StoredObject | None:
        """The picture of that name; None when there is none, or its time is up."""
        ...

    async def sweep(self) -> Swept:
        """Removes what expired; several may do so at once."""
        ...

    async def writable(self) -> bool:
        """Whether the store takes a picture now, as far as can be told without a writing at every question."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, and how one gets at it; what is None, the environment or the machine's metadata may know."""

    url: str
    """``s3://bucket/prefix``, ``gs://bucket/prefix`` or ``az://container/prefix``."""
    endpoint: str | None = None
    region: str | None = None
    path_style: bool = True
    """Whether an S3 bucket is named in the path; else it is named in the host."""
    account: str | None = None
    key_id: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
