"""Straight ways to upstreams that speak OpenAI's dialect: what the client says goes there as he said it."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from torana.dialects.openai_language.errors import empty, fault_inside
from torana.dialects.openai_language.manner import PLAIN, Manner, Path, is_nothing, message, written
from torana.dialects.openai_language.relaying import ChatRelay
from torana.dialects.openai_language.usage import tokens_of_usage
from torana.dialects.steps import Received, unreadable
from torana.dialects.ways import Answered, Asking, At, Consumption, Relay, Way
from torana.families.language.asked import LanguageRequest
from torana.families.language.chat.checked import wants_usage


def straight(path: Path, manner: Manner = PLAIN) -> Way:
    """The way for chats and completions: whole answers with ``choices``, and streams of them."""

    def way(request: LanguageRequest, at: At) -> Asking:
        body, ignored = written(raw_members(request), at, manner, stream=request.stream)

        def plain(received: Received) -> Answered:
            return answered(received, "choices", manner)

        def relay() -> Relay:
            return ChatRelay(request.length, wants_usage(request.body), manner)

        sent = message(path, body, at, manner, stream=request.stream)
        return Asking(sent, plain, relay=relay if request.stream else None, ignored=ignored)

    return way


def plain_only(path: Path, manner: Manner = PLAIN, *, needs: str = "data") -> Way:
    """The way for what is never streamed, such as embeddings: the answer in JSON must have what it ``needs``."""

    def way(request: LanguageRequest, at: At) -> Asking:
        body, ignored = written(raw_members(request), at, manner)

        def plain(received: Received) -> Answered:
            return answered(received, needs, manner)

        return Asking(message(path, body, at, manner, stream=False), plain, ignored=ignored)

    return way


def raw_members(request: LanguageRequest) -> Mapping[str, Raw]:
    """The members of a request's body as their bytes: what nobody changes goes out as it came in."""
    return msgspec.json.decode(request.raw, type=dict[str, Raw])


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
