"""OpenAI's image endpoints, and the ways in which servers that speak them differ from one another.

Source: OpenAI's API reference and clients; the servers' own documentation and sources, as noted at each.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from msgspec import Struct

from torana.core.errors import ToranaError, UpstreamError
from torana.core.exchange import Event, Message
from torana.dialects.inline import lifted
from torana.dialects.multipart import form_message
from torana.dialects.openai import decode_error, read_pictures
from torana.dialects.openai_events import finished_picture, read_event
from torana.dialects.refusals import unpaid
from torana.dialects.steps import Ask, Draw, Drawn, Received, Send, Sent, Steps, empty, json_message
from torana.families.images import EDIT, GENERATE, VARY

_NUMBERS = frozenset({"output_compression"})
"""Fields that are numbers in JSON."""
_UNPAID = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
"""Codes that come with a 429 or a 400, but will not pass by waiting."""


@dataclass(frozen=True, slots=True)
class Speech:
    """How one server speaks. The defaults are OpenAI's own words of today."""

    vary_by: str = EDIT
    """The operation by which it makes variations: ``images.variations`` where it has that endpoint."""
    image_field: str = "image[]"
    """The form's name for each source picture."""
    single_image_field: str | None = "image"
    """Its name when there is but one; None: the same."""
    edits_in_json: bool = False
    """Whether edits are JSON with data URIs in place of a form."""
    sends_model: bool = True
    wants_base64: str | None = "b64_json"
    """The word for base64 in ``response_format``; None where the field is refused or pointless."""
    sends_user: bool = True
    prefix: str = "/images"
    renamed: tuple[tuple[str, str], ...] = ()
    """Fields of ours under another name, as (ours, theirs)."""
    omitted: frozenset[str] = frozenset()
    """Fields that it refuses."""
    omitted_in_forms: frozenset[str] = frozenset({"moderation"})
    """Fields that only its endpoints in JSON have."""
    prompted_variations: bool = False
    """Whether its endpoint for variations takes words too."""
    rewritten: Callable[[dict[str, object]], dict[str, object]] = lambda fields: fields
    """A last hand on the fields, the operator's among them, for what none of the above can say."""


def drawing(speech: Speech) -> Draw:
    """The conversation with a server that speaks so."""

    def draw(ask: Ask) -> Steps:
        received = yield Send(_message(ask, speech), submits=True, read=read_event)
        return read_drawn(received)

    return draw


class _Details(Struct):
    image_tokens: int = 0
    text_tokens: int = 0


class _Usage(Struct):
    output_tokens: int | None = None
    input_tokens_details: _Details | None = None


class _Item(Struct):
    revised_prompt: str | None = None


class _Reply(Struct):
    usage: _Usage | None = None
    data: list[_Item | None] = []


_reply = msgspec.json.Decoder(_Reply)


def read_drawn(received: Received) -> Drawn:
    """The pictures of a reply, and what it says they took; UpstreamError when it holds none."""
    if received.events is not None:
        return _read_events(received.events)
    rest, inlines = lifted(received.body)
    pictures = read_pictures(rest, inlines)
    reply = _beside_pictures(rest)
    words = [item.revised_prompt for item in reply.data if item is not None and item.revised_prompt]
    return Drawn(pictures, revised_prompt=words[0] if words else None, tokens=_tokens(reply.usage))


def _read_events(events: Sequence[Event]) -> Drawn:
    pictures = [picture for picture in map(finished_picture, events) if picture is not None]
    if not pictures:
        raise empty()
    tokens: Counter[str] = Counter()
    for event in events:
        # Each event tells what its own picture took.
        tokens.update(_tokens(_beside_pictures(event.data).usage))
    return Drawn(tuple(pictures), tokens=tokens, streamed=True)


def _beside_pictures(body: bytes) -> _Reply:
    try:
        return _reply.decode(body)
    except (ValueError, RecursionError):
        # The pictures are there: whatever else it says in a way of its own must not lose them.
        return _Reply()


class _Fault(Struct):
    code: object = None


class _FaultBody(Struct):
    error: _Fault


def decode_fault(received: Received) -> ToranaError:
    """What an error in OpenAI's shape, or in FastAPI's, means."""
    if received.status == HTTPStatus.PAYMENT_REQUIRED or _code(received) in _UNPAID:
        return unpaid()
    return decode_error(received.status, received.headers, received.body)


def _code(received: Received) -> str:
    try:
        return str(received.read(_FaultBody).error.code)
    except UpstreamError:
        return ""


def _tokens(usage: _Usage | None) -> dict[str, int]:
    """Tokens by the names that prices use; none where the reply does not tell them apart."""
    if usage is None or usage.input_tokens_details is None or usage.output_tokens is None:
        return {}
    details = usage.input_tokens_details
    return {"text_in": details.text_tokens, "image_in": details.image_tokens, "image_out": usage.output_tokens}


def _message(ask: Ask, speech: Speech) -> Message:
    operation = speech.vary_by if ask.operation == VARY else ask.operation
    path = f"{speech.prefix}/{operation.removeprefix('images.')}"
    in_json = operation == GENERATE or (operation == EDIT and speech.edits_in_json)
    omitted = speech.omitted if in_json else speech.omitted | speech.omitted_in_forms
    told = {name: value for name, value in _fields(ask, speech, operation) if value is not None and name not in omitted}
    if speech.renamed:
        names = dict(speech.renamed)
        told = {names.get(name, name): value for name, value in told.items()}
    fields = speech.rewritten({**told, **ask.parameters} if ask.parameters else told)
    if in_json:
        return json_message("POST", path, fields if operation == GENERATE else fields | _in_json(ask))
    single = speech.single_image_field if len(ask.sources) == 1 else None
    files = [(single or speech.image_field, source) for source in ask.sources]
    files += [("mask", ask.mask)] if ask.mask else []
    return form_message(path, fields.items(), files)


def _fields(ask: Ask, speech: Speech, operation: str) -> Iterable[tuple[str, object]]:
    """All that may be told, by our own names; what is None is not."""
    told: dict[str, object] = {
        "model": ask.model if speech.sends_model else None,
        "prompt": ask.prompt if operation != VARY or speech.prompted_variations else None,
        "n": ask.n,
        "size": str(ask.size) if ask.size else None,
        "aspect_ratio": ask.ratio,
        "resolution": ask.resolution,
        "response_format": speech.wants_base64,
        "user": ask.user if speech.sends_user else None,
        "seed": ask.seed,
        "strength": ask.strength,
        "output_format": ask.output_format,
        "stream": True if ask.partials else None,
        "partial_images": ask.partials or None,
    }
    if ask.wishes:
        told |= {name: int(value) if name in _NUMBERS else value for name, value in ask.wishes.items()}
    return told.items()


def _in_json(ask: Ask) -> dict[str, object]:
    pictures = [_image_url(source) for source in ask.sources]
    return {"image": pictures[0]} if len(pictures) == 1 else {"images": pictures}


def _image_url(source: Sent) -> dict[str, str]:
    return {"type": "image_url", "url": source.data_uri()}
