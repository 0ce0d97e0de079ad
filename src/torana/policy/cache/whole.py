"""Which answers are worth keeping: those that are complete, and ended because all was said."""

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

_SAID_IN_CHOICES = frozenset({"stop", "tool_calls", "function_call"})
_SAID_IN_MESSAGES = frozenset({"end_turn", "stop_sequence", "tool_use"})
_REMEMBERED = ("previous_response_id", "conversation", "background")
"""Members of a request whose answer is more than its own words."""


class _Choice(Struct):
    finish_reason: str | None = None


class _Choices(Struct):
    choices: list[_Choice] = []


class _Message(Struct):
    stop_reason: str | None = None


class _Response(Struct):
    status: str | None = None


def _choices(data: bytes) -> bool:
    choices = msgspec.json.decode(data, type=_Choices).choices
    return bool(choices) and all(choice.finish_reason in _SAID_IN_CHOICES for choice in choices)


def _message(data: bytes) -> bool:
    return msgspec.json.decode(data, type=_Message).stop_reason in _SAID_IN_MESSAGES


def _response(data: bytes) -> bool:
    return msgspec.json.decode(data, type=_Response).status == "completed"


def _object(data: bytes) -> bool:
    return bool(msgspec.json.decode(data, type=dict[str, msgspec.Raw]))


_WHOLE: Mapping[str, Callable[[bytes], bool]] = {
    "chat.completions": _choices,
    "completions": _choices,
    "messages": _message,
    "responses": _response,
    "embeddings": _object,
    "rerank": _object,
    "moderations": _object,
}


def keepable(operation: str, body: Mapping[str, object]) -> bool:
    """Whether the answer to a request may be kept: it is words or numbers, and stands by itself."""
    return operation in _WHOLE and not any(body.get(name) for name in _REMEMBERED)


def whole(operation: str, data: bytes) -> bool:
    """Whether an answer is complete and ended of itself: no bound, no filter and no failure cut it short."""
    try:
        return _WHOLE[operation](data)
    except (ValueError, RecursionError):
        return False
