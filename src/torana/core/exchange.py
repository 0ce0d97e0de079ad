"""The values that travel from stage to stage: frozen, so that a signature says what a stage needs and what it adds."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from torana.core.content import PictureInfo

R = TypeVar("R")
B = TypeVar("B")


class Upload(Protocol):
    """A file that a client sent: replayable, so that every attempt reads the very same bytes."""

    @property
    def filename(self) -> str:
        """The client's name for it; a label, never trusted."""
        ...

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        ...

    @property
    def info(self) -> PictureInfo:
        """What its own bytes say it is."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from the start, as often as asked."""
        ...


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, as the token says."""

    subject: str
    issuer: str
    teams: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None
    """Patterns of the models he may use; None is all of them."""


@dataclass(frozen=True, slots=True)
class Target:
    """A provider account and a model of its own."""

    account: str
    model: str

    def __str__(self) -> str:
        return f"{self.account}/{self.model}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a call may go, in order."""

    model: str
    targets: tuple[Target, ...]


class Asked(Protocol):
    """What every family's request has in common."""

    @property
    def model(self) -> str:
        """The model that the client names."""
        ...


@dataclass(frozen=True, slots=True)
class Call(Generic[R]):
    """A request as far as its headers tell; ``read`` takes in the body once the caller is known to be welcome."""

    request_id: str
    operation: str
    authorization: str | None
    read: Callable[[], Awaitable[R]]


def _nobody_counts() -> None:
    """Nobody shows progress."""


@dataclass(frozen=True, slots=True)
class Context:
    """What an attempt needs to know of the call it serves."""

    caller: str
    """Who is asking: whose turn it is where callers take turns."""
    headers: Sequence[tuple[str, str]] = ()
    """Trace context to carry on."""
    on_picture: Callable[[], None] = _nobody_counts
    """Called for each picture that is done, where they are made one by one."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request to an upstream as a dialect wrote it: no address, no credentials.

    ``body`` is bytes and uploads in the order they go out; it can be sent as often as needed.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: tuple[bytes | Upload, ...] = ()

    @property
    def length(self) -> int:
        """How many bytes the body has."""
        return sum(len(part) if isinstance(part, bytes) else part.size for part in self.body)


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to go on: who may use which model."""

    principal: Principal
    model: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call used. Unknown is None, never zero."""

    images: int | None = None


@dataclass(frozen=True, slots=True)
class Reply(Generic[B]):
    """What a target answered, in the family's own words, and how it was come by."""

    body: B
    emulated: tuple[str, ...] = ()
    """What was not natively what the client asked for, by name."""
    ignored: tuple[str, ...] = ()
    """Fields that the client sent and this target knows nothing of."""
    shortfall: int = 0
    """How many pictures fewer than asked."""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Answer(Generic[R, B]):
    """The end of the journey: what was asked, what was answered, and by whom."""

    request: R
    reply: Reply[B]
    target: Target
