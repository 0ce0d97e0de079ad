"""Conversations with upstreams, without sockets: a dialect yields steps, gets replies, returns what was made."""

import base64
from binascii import a2b_base64
from collections.abc import Callable, Generator, Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import TypeVar

import msgspec

from torana.core.content import PictureInfo, Size, Upload
from torana.core.errors import ToranaError, UpstreamError
from torana.core.exchange import Event, Message, Partial

T = TypeVar("T")


class Sent(msgspec.Struct, frozen=True):
    """A source picture as it goes to the upstream; its bytes are at hand unless the ability streams them."""

    content: bytes | Upload
    info: PictureInfo

    @property
    def data(self) -> bytes:
        """The bytes."""
        assert isinstance(self.content, bytes), "an ability that needs the bytes says so in its demands"
        return self.content

    def base64(self) -> str:
        """The bytes in base64, with no prefix."""
        return base64.b64encode(self.data).decode()

    def data_uri(self) -> str:
        """The bytes in a ``data:`` URI."""
        return f"data:{self.info.media_type};base64,{self.base64()}"


class Ask(msgspec.Struct, frozen=True):
    """One upstream call's worth of a request: everything in it is within the model's ability."""

    operation: str
    model: str
    n: int
    sources: tuple[Sent, ...] = ()
    mask: Sent | None = None
    prompt: str = ""
    size: Size | None = None
    ratio: str | None = None
    """As ``w:h``."""
    resolution: str | None = None
    seed: int | None = None
    strength: float | None = None
    """On the upstream's own scale."""
    output_format: str | None = None
    partials: int = 0
    """How many unfinished pictures to show before the finished ones; none: the reply is no stream."""
    user: str | None = None
    wishes: Mapping[str, str] = {}
    parameters: Mapping[str, str | int | float | bool] = {}
    """The operator's own fields for this target: they go into the request's body in place of ours of that name."""
    options: Mapping[str, str] = {}
    """The account's options."""

    def given(self, **fields: object) -> dict[str, object]:
        """The fields that are not None, and the operator's own: a request's body in JSON."""
        return {name: value for name, value in fields.items() if value is not None} | dict(self.parameters)


class Link(msgspec.Struct, frozen=True, gc=False):
    """A picture that the upstream left somewhere for us to fetch."""

    url: str


class Inline(msgspec.Struct, frozen=True, gc=False):
    """A picture as it stands in a reply, in base64: taken for whole as far as its characters tell."""

    text: memoryview

    def decoded(self) -> bytes:
        """The picture's bytes; UpstreamError when its base64 is broken."""
        try:
            return a2b_base64(self.text, strict_mode=True)
        except ValueError as error:
            raise unreadable() from error


ReadEvent = Callable[[Event], "Partial | Received | None"]
"""What an event is: an unfinished picture, to be shown; an error, as the reply that stands for all of the stream; or,
by None, one of those that the conversation gets."""


class Send(msgspec.Struct, frozen=True):
    """Send a message and give back the reply, whatever its status.

    ``url`` is an absolute address that the upstream gave, in place of the account's own and the message's path.
    Credentials go there only when its host is the account's or one of the vendor's; others are not called at all.
    """

    message: Message
    submits: bool = False
    """Whether a reply of success means that the work is charged for, however it ends."""
    url: str | None = None
    open: bool = False
    """Whether it goes without our credentials: an upload to a signed address."""
    read: ReadEvent | None = None
    """How the events of a reply are read that is a stream; None where it is none to us, whatever it is."""


class Poll(msgspec.Struct, frozen=True):
    """Wait a little, ask after a job and give back the reply; asking again does no harm.

    ``undo`` is sent when nobody waits for the job any more, so that it need not be done nor paid for.
    """

    message: Message
    url: str | None = None
    undo: Send | None = None


class Received(msgspec.Struct, frozen=True):
    """A reply, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    events: tuple[Event, ...] | None = None
    """In place of the body, where it is a stream: all that is neither a preview nor an error."""

    @property
    def succeeded(self) -> bool:
        """Whether its status is one of success."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def read(self, kind: type[T]) -> T:
        """The body in JSON; UpstreamError when it is not what was promised."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (ValueError, RecursionError) as error:
            raise unreadable() from error


class Drawn(msgspec.Struct, frozen=True):
    """What one upstream call came to."""

    pictures: tuple[bytes | Inline | Link, ...]
    revised_prompt: str | None = None
    tokens: Mapping[str, int] = {}
    charged: Decimal | None = None
    """What the upstream says it charged, in US dollars."""
    billed: int | None = None
    """Pictures that are charged for, where that is not how many came."""
    requests: int = 1
    streamed: bool = False
    """Whether the reply was a stream."""


Steps = Generator[Send | Poll, Received, Drawn]
"""A vendor's whole conversation for one Ask; it raises ToranaError for what the upstream refuses."""

Draw = Callable[[Ask], Steps]
Fault = Callable[[Received], ToranaError]


def unreadable() -> UpstreamError:
    """The upstream's words make no sense."""
    return UpstreamError("The upstream's reply could not be understood.", code="upstream_invalid_reply")


def empty() -> UpstreamError:
    """The upstream says it succeeded and sends nothing."""
    return UpstreamError("The upstream answered without a picture.", code="upstream_empty_reply")


def json_message(method: str, path: str, body: object, *headers: tuple[str, str]) -> Message:
    """A message with a body in JSON."""
    encoded = msgspec.json.encode(body)
    return Message(
        method, path, (("content-type", "application/json"), ("accept", "application/json"), *headers), (encoded,)
    )


def get(path: str = "") -> Message:
    """A message that only asks."""
    return Message("GET", path, (("accept", "application/json"),))
