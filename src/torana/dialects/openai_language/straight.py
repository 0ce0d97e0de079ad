"""Straight ways to upstreams that speak OpenAI's dialect: what the client says goes there as he said it."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from torana.dialects.openai_language.errors import empty, fault_inside
from torana.dialects.openai_language.manner import PLAIN, Manner, Path, is_nothing, message, written
from torana.dialects.openai_language.relaying import ChatRelay
from torana.dialects.openai_language.usage import Told, tokens_of_usage
from torana.dialects.steps import Received, unreadable
from torana.dialects.ways import Answered, Asking, At, Consumption, Relay, Way
from torana.families.language.asked import LanguageRequest
from torana.families.language.chat.checked import wants_usage

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_UNUSED = Consumption()
_SOMETHING = Annotated[list[Raw], Meta(min_length=1)]


def straight(path: Path, manner: Manner = PLAIN) -> Way:
    """The way for chats and completions: whole answers with ``choices``, and streams of them."""
    plain = reading("choices", manner)

    def way(request: LanguageRequest, at: At) -> Asking:
        stream = request.stream
        body, ignored = written(raw_members(request), at, manner, stream=stream)
        sent = message(path, body, at, manner, stream=stream)
        if not stream:
            return Asking(sent, plain, ignored=ignored)

        def relay() -> Relay:
            return ChatRelay(request.length, wants_usage(request.body), manner)

        return Asking(sent, plain, relay=relay, ignored=ignored)

    return way


def plain_only(path: Path, manner: Manner = PLAIN, *, needs: str = "data") -> Way:
    """The way for what is never streamed, such as embeddings: the answer in JSON must have what it ``needs``."""
    plain = reading(needs, manner)

    def way(request: LanguageRequest, at: At) -> Asking:
        body, ignored = written(raw_members(request), at, manner)
        return Asking(message(path, body, at, manner, stream=False), plain, ignored=ignored)

    return way


def raw_members(request: LanguageRequest) -> dict[str, Raw]:
    """The members of a request's body as their bytes: what nobody changes goes out as it came in."""
    return _MEMBERS.decode(request.raw)


def reading(needs: str, manner: Manner = PLAIN) -> Callable[[Received], Answered]:
    """How a whole answer is read that ``needs`` a member which is a list; errors as ``answered`` has them."""
    if manner.cost is not None:
        # What else is in it tells what was charged.
        return lambda received: answered(received, needs, manner)
    # As nearly all are: without an error, and with what was used as it should be told.
    decode = msgspec.json.Decoder(
        msgspec.defstruct(
            "Usual",
            [("needed", _SOMETHING), ("usage", Told | None, None), ("error", None, None)],
            rename={"needed": needs},
        )
    ).decode

    def plain(received: Received) -> Answered:
        body = received.body
        try:
            told: Any = decode(body)
        except (ValueError, RecursionError):
            return answered(received, needs, manner)
        tokens = None if told.usage is None else told.usage.tokens
        return Answered(body, _UNUSED if tokens is None else Consumption(tokens.charged))

    return plain


def answered(received: Received, needs: str, manner: Manner = PLAIN) -> Answered:
    """A whole answer as it is; UpstreamError, or what the error in it means, where it is none."""
    members = received.read(dict[str, Raw])
    error = _value(members, "error")
    if error:
        raise fault_inside(error, received.headers)
    if is_nothing(members.get(needs)):
        raise empty()
    if not bytes(members[needs]).startswith(b"["):
        raise unreadable()
    usage = _value(members, "usage")
    tokens = tokens_of_usage(usage)
    return Answered(received.body, Consumption({} if tokens is None else tokens.charged, manner.charged(usage)))


def _value(members: Mapping[str, Raw], name: str) -> object:
    value = members.get(name)
    return None if value is None else msgspec.json.decode(value)
