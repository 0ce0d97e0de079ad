"""Claude by InvokeModel: Anthropic's own dialect in Bedrock's wrapping, so that nothing of it is lost on the way.

Source: Bedrock's user guide, "Anthropic Claude Messages API"; the anthropic Python client 2.12.0 for its client of
Bedrock.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec
from msgspec import Struct, structs

from torana.core.exchange import Event
from torana.dialects.anthropic import Manner, straight, tongue
from torana.dialects.bedrock.asking import for_events, model_path
from torana.dialects.bedrock.faults import fault_of, is_fault
from torana.dialects.steps import Received, json_message, unreadable
from torana.dialects.translated import Encoded, Listener, Tongue
from torana.dialects.ways import Answered, Asking, At, Consumption, Relay
from torana.families.language.asked import LanguageRequest
from torana.families.language.saying import Happening
from torana.families.language.words import Conversation

_CHUNK = "chunk"
_MAKER = "anthropic."
_MANNER = Manner(
    lambda model, stream: model_path(model, "invoke-with-response-stream" if stream else "invoke"),
    version="bedrock-2023-05-31",
    names_model=False,
    says_stream=False,
    betas_in_body=True,
)


_COUNTING = replace(_MANNER, path=lambda model, _stream: model_path(_of_no_region(model), "count-tokens"))


class _Count(Struct, rename="camel"):
    input_tokens: int


class _Chunk(Struct):
    bytes: str


class _Within(Struct):
    type: str = ""


def unwrapped(event: Event) -> Event | None:
    """The event of Anthropic's that one of Bedrock's holds; None where it holds none, its fault where it is one."""
    if is_fault(event):
        raise fault_of(event)
    if event.name != _CHUNK:
        return None
    try:
        data = base64.b64decode(msgspec.json.decode(event.data, type=_Chunk).bytes, validate=True)
        return Event(msgspec.json.decode(data, type=_Within).type, data)
    except (ValueError, binascii.Error, RecursionError) as error:
        raise unreadable() from error


@dataclass(frozen=True, slots=True)
class _Relay:
    """What relays Anthropic's events, given Bedrock's."""

    inner: Relay

    def take(self, event: Event) -> Iterable[bytes]:
        within = unwrapped(event)
        return () if within is None else self.inner.take(within)

    def close(self) -> Iterable[bytes]:
        return self.inner.close()

    @property
    def used(self) -> Consumption:
        return self.inner.used

    @property
    def ended(self) -> bool:
        return self.inner.ended


@dataclass(frozen=True, slots=True)
class _Listener:
    """What understands Anthropic's events, given Bedrock's."""

    inner: Listener

    def hear(self, event: Event) -> Iterable[Happening]:
        within = unwrapped(event)
        return () if within is None else self.inner.hear(within)

    @property
    def ended(self) -> bool:
        return self.inner.ended


_straight = straight(_MANNER)
_tongue = tongue(_MANNER)


def claude_messages(request: LanguageRequest, at: At) -> Asking:
    """The way of ``messages``, whose requests pass through as they are."""
    asking = _straight(request, at)
    relay = asking.relay
    if relay is None:
        return asking
    return structs.replace(asking, message=for_events(asking.message), relay=lambda: _Relay(relay()))


def claude_count(request: LanguageRequest, at: At) -> Asking:
    """The way of ``messages.count_tokens``: what would be asked, in the wrapping of Bedrock's own."""
    # What would be asked must be whole, and so have the bound that a count does not need.
    message = _COUNTING.message({"max_tokens": 1, **request.body}, at, stream=False)
    body = b"".join(part for part in message.body if isinstance(part, bytes))
    asked = {"input": {"invokeModel": {"body": base64.b64encode(body).decode()}}}
    return Asking(json_message("POST", message.path, asked), _counted)


def _counted(received: Received) -> Answered:
    return Answered(msgspec.json.encode({"input_tokens": received.read(_Count).input_tokens}))


def _of_no_region(model: str) -> str:
    """The model itself: counts are not to be had from those that stand for several regions."""
    return model[model.index(_MAKER) :] if _MAKER in model else model


def _encode(conversation: Conversation, at: At) -> Encoded:
    encoded = _tongue.encode(conversation, at)
    return replace(encoded, message=for_events(encoded.message)) if conversation.stream else encoded


CLAUDE = Tongue(_encode, _tongue.decode, lambda conversation: _Listener(_tongue.listener(conversation)))
"""For every other family's Voice."""
