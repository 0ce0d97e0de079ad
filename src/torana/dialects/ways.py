"""Ways to have a request answered by an upstream, without sockets: what goes out, and what its answer is to the client.

A way is straight where the upstream speaks the family's own dialect, and else goes through words that both understand.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from torana.core.exchange import EVENT_STREAM, Event, Message
from torana.dialects.steps import Received
from torana.families.language.voice import Occasion


@dataclass(frozen=True, slots=True)
class At:
    """Where a request goes, and on what occasion."""

    model: str
    """The upstream's name for it."""
    occasion: Occasion
    parameters: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """The operator's own fields for this target: they go into the request's body in place of the client's."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The account's options."""
    forwarded: tuple[tuple[str, str], ...] = ()
    """The client's headers that an upstream of the family's own dialect understands."""


@dataclass(frozen=True, slots=True)
class Consumption:
    """What an answer took, as far as the upstream says."""

    tokens: Mapping[str, int] = field(default_factory=dict)
    """By the name they are charged under, each counted once."""
    charged: Decimal | None = None
    """What the upstream itself says it charged, in US dollars."""
    characters: int | None = None
    """Of a text that was spoken."""
    seconds: Decimal | None = None
    """Of a sound that was listened to."""
    units: int | None = None
    """Search units, or whatever else a request is charged by."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer in the client's words."""

    data: bytes = field(repr=False)
    used: Consumption = Consumption()
    media_type: str = "application/json"
    emulated: tuple[str, ...] = ()
    """What of one that nobody was asked for is not as it would have been."""


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


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as it goes to the upstream, and how the answer is read."""

    message: Message
    plain: Callable[[Received], Answered] = field(repr=False)
    """A whole answer; UpstreamError where it makes no sense."""
    relay: Callable[[], Relay] | None = field(default=None, repr=False)
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
