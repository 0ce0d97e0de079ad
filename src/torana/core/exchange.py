"""The values that travel from stage to stage: frozen, so that a signature says what a stage needs and what it adds."""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, Literal, Protocol, TypeVar

from msgspec import Struct

from torana.core.content import File
from torana.core.ledger import Kind

METADATA = "x-torana-metadata"
"""The header in which a caller says of a call what routing and limits may look at: a JSON object of texts."""

PROVIDER = "x-torana-provider-name"
"""The header in which a caller names the provider account that is to serve him."""

CLIENT = "x-torana-client"
"""The header in which a gateway tells its office whose request it hands on: by the connection's own address."""

R = TypeVar("R")
B = TypeVar("B")

EVENT_STREAM = "text/event-stream"
"""The media type under which events travel."""


class Credentials(Struct, frozen=True, gc=False):
    """What a caller shows, as his headers have it."""

    authorization: str | None
    api_key: str | None = None
    """``x-api-key`` or ``api-key``: it counts where there is no Authorization header."""

    def __repr__(self) -> str:
        return "Credentials()"

    @property
    def bearer(self) -> str | None:
        """The Authorization header, or what it would be."""
        if self.authorization is None and self.api_key is not None:
            return f"Bearer {self.api_key}"
        return self.authorization


# Rules are remembered by who asks: the same one is looked up several times for each call.
class Principal(Struct, frozen=True, cache_hash=True):
    """Who is asking, as his token or key says."""

    subject: str
    issuer: str
    """Of a token its ``iss``; of a virtual key ``torana``."""
    teams: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None
    """Patterns of the models he may use; None is all of them."""
    kind: Kind = "user"
    key: str | None = None
    """Id of the virtual key that he used."""

    @property
    def name(self) -> str:
        """What rules and grants call him: ``user:anna``, ``service_account:nightly``."""
        return f"{self.kind}:{self.subject}"


class Target(Struct, frozen=True, cache_hash=True):
    """A provider account and a model of its own, and what the operator set for this way of reaching it."""

    account: str
    model: str
    parameters: tuple[tuple[str, str | int | float | bool], ...] = ()
    """Fields of the upstream's own, sent along and in place of ours of the same name."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers to send along."""
    prompt: str | None = None
    """What to ask for where a variation needs a prompt."""
    priority: int = 0
    """0 is tried first."""
    weight: int = 1
    """Its share of the calls, where chance decides; 0 is for fallbacks only."""
    when: tuple[tuple[str, str], ...] = ()
    """Only for calls whose metadata has all of these values."""

    def __str__(self) -> str:
        return f"{self.account}/{self.model}"


class CircuitRule(Struct, frozen=True, cache_hash=True):
    """When a target that keeps failing is left alone, and for how long; times in seconds."""

    window: float = 60.0
    """How far back failures count."""
    min_calls: int = 5
    """Calls in the window before it can open."""
    failures: float = 0.5
    """Share of failed calls that opens it."""
    open_for: float = 30.0
    """How long it stays open before one call may try."""


class Routing(Struct, frozen=True, cache_hash=True):
    """How the targets of a plan are tried."""

    order: Literal["priority", "weight", "latency"] = "priority"
    sticky: str | None = None
    """Calls with the same value of this (``subject``, ``metadata.KEY``) go to the same target."""
    fallback_on: frozenset[int] = frozenset({401, 403, 404, 408, 429, 500, 502, 503, 504})
    """Statuses of a target's failure after which the next one is tried."""
    hedge_after: float | None = None
    """Seconds after which a second target is asked too; None is never."""
    circuit: CircuitRule = CircuitRule()

    @property
    def hedged(self) -> bool:
        """Whether two targets may be at work at once."""
        return self.hedge_after is not None


class Plan(Struct, frozen=True, cache_hash=True):
    """Where a call may go, as the operator wrote it down, and how that is tried."""

    model: str
    targets: tuple[Target, ...]
    routing: Routing = Routing()


class Asked(Protocol):
    """What every family's request has in common."""

    @property
    def model(self) -> str:
        """The model that the client names."""
        ...

    @property
    def parts(self) -> Iterable["bytes | File"]:
        """Everything that was asked, piece by piece: two requests are alike when their parts are."""
        ...

    @property
    def amounts(self) -> Mapping[str, int]:
        """How much it asks for of what limits count, by name: ``images``, ``bytes``."""
        ...


class Event(Struct, frozen=True):
    """One item of an event stream: its name, ``message`` where it has none, and its data."""

    name: str
    data: bytes

    def __repr__(self) -> str:
        return f"Event({self.name!r}, {len(self.data)} bytes)"


@dataclass(frozen=True, slots=True)
class Partial:
    """An unfinished picture as the upstream made it: a preview, of which none need ever be seen."""

    base64: str = field(repr=False)
    index: int
    """From 0; a call that is tried again begins anew."""
    size: str | None = None
    """As ``WIDTHxHEIGHT``; None where the upstream does not say."""
    output_format: str | None = None
    """None where the upstream does not say."""


Show = Callable[[bytes], Awaitable[None]]
"""Hands a piece of an answer on to the client; it returns when he has room for more."""


@dataclass(frozen=True, slots=True)
class CacheWish:
    """How a caller wants answers kept and found again; None leaves it to the operator."""

    kind: Literal["exact-match", "semantic"]
    threshold: float | None = None
    """How alike two requests must be, from 0 to 1."""
    ttl: float | None = None
    """How long an answer may be used, in seconds."""
    namespace: str | None = None
    """Answers are found only under the name that they were kept under."""


@dataclass(frozen=True, slots=True)
class GuardWish:
    """Checks that a caller wants beside those that the operator has made, by name."""

    before: tuple[str, ...] = ()
    """Of what is asked."""
    after: tuple[str, ...] = ()
    """Of what is answered."""
    last_only: bool = False
    """Whether of what is asked only the last message is checked."""


class Wishes(Struct, frozen=True):
    """How a caller wants a call done, as its headers say; the operator's settings bound all of it."""

    provider: str | None = None
    """The account that is to serve it, and no other."""
    attempts: int | None = None
    """Sendings to one target at most, the first included."""
    on_statuses: frozenset[int] | None = None
    """Replies after which it may be sent again, of those after which it would be."""
    request_timeout: float = math.inf
    """How long one target may take, in seconds."""
    conversation: str | None = None
    """Id of the conversation that it belongs to, for spans and logs."""
    strict_openai: bool = False
    """Whether answers have no members beyond OpenAI's."""
    cache: CacheWish | None = None
    guards: GuardWish | None = None
    afresh: bool = False
    """Whether he wants no answer that was kept; HTTP's ``no-cache``."""
    unkept: bool = False
    """Whether his answer is not to be kept either; HTTP's ``no-store``."""


class Opening(Struct, frozen=True):
    """What is known of an answer when its first piece is there."""

    media_type: str = EVENT_STREAM
    emulated: tuple[str, ...] = ()
    """What is not natively what the client asked for, by name."""
    ignored: tuple[str, ...] = ()
    """Fields that the client sent and this target knows nothing of."""


def _nobody(*_told: object) -> None:
    """Nobody wants to know."""


async def _unseen(_piece: bytes) -> None:
    """Nobody looks."""


def _to_nobody(*_told: object) -> Show:
    """Begins an answer that nobody looks at."""
    return _unseen


class Misled(Exception):
    """What came of a request is not what its beginning foretold: all that was begun on it is void."""


class Coming:
    """The part of a request that is still on its way; none, here: all of it has come."""

    __slots__ = ()

    @property
    def is_here(self) -> bool:
        """Whether nothing more is read from the client."""
        return True

    def check(self) -> None:
        """Misled where that is known by now."""

    async def arrived(self) -> None:
        """Returns when all has come and is as foretold; Misled where it is not."""


HERE = Coming()
"""Of a request that was read whole."""


def _all_here() -> Coming:
    """Nothing is on its way."""
    return HERE


class Call(Struct, Generic[R], frozen=True):
    """A request as far as its headers tell; ``read`` takes in the body once the caller is known to be welcome."""

    request_id: str
    operation: str
    credentials: Credentials
    read: Callable[[], Awaitable[R]]
    """What is asked; again where it turned out to be another than its beginning foretold."""
    metadata: Mapping[str, str] = {}
    """What the caller says of the call, for routing, limits and accounts."""
    key: str | None = None
    """The caller's own name for the call, by which he may send it twice and have it done once."""
    on_partial: Callable[[R, Partial], None] = _nobody
    """Called with the request and each unfinished picture that comes before the answer."""
    open: Callable[[R, Target, Opening], Show] = _to_nobody
    """Called when the first piece of an answer is there that is told as it comes; gives the way to tell it."""
    fold: Callable[[R, Sequence[bytes]], Any] | None = None
    """The whole answer out of all its pieces; None where answers are never told as they come."""
    first_within: float = math.inf
    """How long a target may take for the first piece of its answer, in seconds."""
    forwarded: tuple[tuple[str, str], ...] = ()
    """The caller's headers that upstreams of the family's own dialect understand."""
    wishes: Wishes = Wishes()
    coming: Callable[[], Coming] = _all_here
    """What of the request is still on its way when it was read."""


class Context(Struct, frozen=True):
    """What an attempt needs to know of the call it serves."""

    caller: str
    """Who is asking: whose turn it is where callers take turns."""
    headers: Sequence[tuple[str, str]] = ()
    """Trace context to carry on."""
    on_picture: Callable[[], None] = _nobody
    """Called for each picture that is done, where they are made one by one."""
    on_partial: Callable[[Partial], None] = _nobody
    """Called with each unfinished picture that the upstream shows."""
    within: float = math.inf
    """Time that is left for the whole call, in seconds."""
    parameters: Mapping[str, str | int | float | bool] = {}
    """The target's own fields, sent along and in place of ours of the same name."""
    prompt: str | None = None
    """What this target is told where a variation needs a prompt."""
    open: Callable[[Opening], Show] = _to_nobody
    """Called when the first piece of an answer is there, which commits: no other target is tried any more, and every
    piece of it goes to the client by what this gives."""
    used: Callable[[Callable[[], "Usage"]], None] = _nobody
    """Given, once an upstream is at work, the way to learn what was used so far, for a call that is cut short."""
    first_within: float = math.inf
    """How long the first piece may take, in seconds."""
    forwarded: tuple[tuple[str, str], ...] = ()
    """The caller's headers that upstreams of the family's own dialect understand."""
    wishes: Wishes = Wishes()
    coming: Coming = HERE
    """What of the request is still on its way: whoever does not need an upload's last byte for his answer must await
    it, and who needs all of it at once may."""


class Message(Struct, frozen=True):
    """A request to an upstream as a dialect wrote it: no address, no credentials.

    ``body`` is bytes and files in the order they go out; it can be sent as often as needed.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: tuple[bytes | File, ...] = ()

    def __repr__(self) -> str:
        return f"Message({self.method!r}, {self.path!r}, {self.length} bytes)"

    @property
    def length(self) -> int:
        """How many bytes the body has."""
        return sum(len(part) if isinstance(part, bytes) else part.size for part in self.body)


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to go on: who may use which model."""

    principal: Principal
    model: str


class Usage(Struct, frozen=True):
    """What a call used. Unknown is None, never zero."""

    images: int | None = None
    tokens: Mapping[str, int] = {}
    """By the name they are charged under; none where the upstream does not count in them."""
    cost: Decimal | None = None
    """US dollars, as far as it is known: None is unknown, never nothing."""
    price: str | None = None
    """Where the price was read, and when."""


class Reply(Struct, Generic[B], frozen=True):
    """What a target answered, in the family's own words, and how it was come by."""

    body: B
    emulated: tuple[str, ...] = ()
    """What was not natively what the client asked for, by name."""
    ignored: tuple[str, ...] = ()
    """Fields that the client sent and this target knows nothing of."""
    shortfall: int = 0
    """How many pictures fewer than asked."""
    usage: Usage = Usage()


class Answer(Struct, Generic[R, B], frozen=True):
    """The end of the journey: what was asked, what was answered, and by whom."""

    request: R
    reply: Reply[B]
    target: Target
    replayed: bool = False
    """Whether it is the answer to an earlier call of the same key."""
