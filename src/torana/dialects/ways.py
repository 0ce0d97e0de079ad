"""Ways to have a request answered by an upstream, without sockets: what goes out, and what its answer is to the client.

A way is straight where the upstream speaks the family's own dialect, and else goes through words that both understand.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Protocol

from msgspec import Struct

from torana.core.exchange import EVENT_STREAM, Event, Message
from torana.dialects.steps import Received
from torana.families.language.voice import Occasion


class At(Struct, frozen=True):
    """Where a request goes, and on what occasion."""

    model: str
    """The upstream's name for it."""
    occasion: Occasion
    parameters: Mapping[str, str | int | float | bool] = {}
    """The operator's own fields for this target: they go into the request's body in place of the client's."""
    options: Mapping[str, str] = {}
    """The account's options."""
    forwarded: tuple[tuple[str, str], ...] = ()
    """The client's headers that an upstream of the family's own dialect understands."""


class Consumption(Struct, frozen=True):
    """What an answer took, as far as the upstream says."""

    tokens: Mapping[str, int] = {}
    """By the name they are charged under, each counted once."""
    charged: Decimal | None = None
    """What the upstream itself says it charged, in US dollars."""
    characters: int | None = None
    """Of a text that was spoken."""
    seconds: Decimal | None = None
    """Of a sound that was listened to."""
    units: int | None = None
    """Search units, or whatever else a request is charged by."""


class Answered(Struct, frozen=True):
    """A whole answer in the client's words."""

    data: bytes
    used: Consumption = Consumption()
    media_type: str = "application/json"
    emulated: tuple[str, ...] = ()
    """What of one that nobody was asked for is not as it would have been."""

    def __repr__(self) -> str:
        return f"Answered({len(self.data)} bytes, {self.used!r}, {self.media_type!r})"


class Relay(Protocol):
    """Turns an upstream's events into the client's, one after the other."""

    def take(self, event: Event) -> Iterable[bytes]:
        """The frames that an event comes to; UpstreamError, or what else the event says, where it is an error."""
        ...

    def close(self) -> Iterable[bytes]:
        """The last frames, when the upstream has ended; UpstreamCut where it had not said that it would."""
        ...

    @property
    def used(self) -> Consumption:
        """What was used so far: the upstream's word, or an estimate from what came where it has not said it yet."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the upstream has said all: nothing that follows is waited for."""
        ...


class BlockRelay(Struct):
    """A relay to which events can also be given many at a time."""

    def take_block(self, block: bytes) -> bytes | None:
        """What some events come to, each with its end as it came; None where they are to be taken one by one.

        Nothing is noted of those for which it is None.
        """
        raise NotImplementedError


class Asking(Struct, frozen=True):
    """A request as it goes to the upstream, and how the answer is read."""

    message: Message
    plain: Callable[[Received], Answered]
    """A whole answer; UpstreamError where it makes no sense."""
    relay: Callable[[], Relay] | None = None
    """For a request whose answer is to come as events; None where it comes otherwise."""
    raw: bool = False
    """Whether the answer is bytes of their own media type, which are passed on as they come; such as sound."""
    used: Consumption = Consumption()
    """What is known of that beforehand, where the answer cannot tell it."""
    media_type: str = EVENT_STREAM
    """What the client gets, where it comes as events."""
    emulated: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


Way = Callable[[Any, At], Asking]
"""A family's request, where it goes; InvalidRequest with the code ``unsupported_parameter`` or ``unsupported_value``,
naming the field, for what cannot be asked there and must not be left out."""
