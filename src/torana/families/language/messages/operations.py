"""``POST /messages`` and ``POST /messages/count_tokens``: Anthropic's way of asking.

Shapes: Anthropic's ``MessageCreateParams``, ``Message`` and ``MessageTokensCount``.
"""

from collections.abc import Sequence
from functools import partial

from torana.core.exchange import EVENT_STREAM, Reply
from torana.families.base import Body, Family, Field, Publish
from torana.families.language.asked import LanguageRequest, Spoken, read_request, write_spoken
from torana.families.language.messages.pieces import fold, unfold
from torana.families.language.messages.wording import HEARTBEAT, WORDING

MESSAGE, COUNT = "messages", "messages.count_tokens"
FORWARDS = ("anthropic-version", "anthropic-beta")


def read_message(raw: bytes) -> LanguageRequest:
    """The request of a body; InvalidRequest names what is missing."""
    return read_request(MESSAGE, raw, "messages", "max_tokens")


class CountRequest(LanguageRequest, frozen=True):
    """A request to count: no model is at work, and nobody charges for it."""

    @property
    def length(self) -> int:
        """Nothing that is charged for."""
        return 0

    @property
    def longest(self) -> int | None:
        """Nothing comes out."""
        return 0

    @property
    def free(self) -> bool:
        """Nobody charges for it."""
        return True

    @property
    def amounts(self) -> dict[str, int]:
        """It takes no tokens."""
        return {"bytes": len(self.raw)}


def read_count(raw: bytes) -> CountRequest:
    """The same for a count, which bounds nothing and is never told in pieces."""
    read = read_request(COUNT, raw, "messages")
    return CountRequest(COUNT, read.model, read.body, raw)


async def write_message(request: LanguageRequest, reply: Reply[Spoken], publish: Publish) -> Body:
    """The answer; one that is whole, of which events were asked, as the events that would have told it."""
    if reply.body.told or not request.stream:
        return await write_spoken(request, reply, publish)
    frames = list(unfold(reply.body.data))
    return Body(EVENT_STREAM, sum(map(len, frames)), frames)


def fold_message(_request: LanguageRequest, frames: Sequence[bytes]) -> Spoken:
    """The whole answer that was told in events."""
    return Spoken(fold(frames))


_OBJECTS = {"type": "array", "items": {"type": "object"}}
_SHARED = (
    Field("model", {"type": "string", "maxLength": 256}, "The model to use.", required=True),
    Field(
        "messages",
        _OBJECTS,
        "What was said so far: objects with `role` and `content`, a text or an array of blocks.",
        required=True,
    ),
    Field("system", {"anyOf": [{"type": "string"}, _OBJECTS]}, "What instructs the model."),
    Field("tools", _OBJECTS, "Tools that the model may have run."),
    Field("tool_choice", {"type": "object"}, "Whether tools are to be used: `auto`, `any`, `tool` or `none`."),
    Field("thinking", {"type": "object"}, "Whether and how much the model thinks before it speaks."),
    Field("output_config", {"type": "object"}, "The form of the answer, and how much effort to spend on it."),
)
_ASKED = (
    Field("max_tokens", {"type": "integer", "minimum": 0}, "Tokens of the answer at most.", required=True),
    Field("stream", {"type": "boolean", "default": False}, "Whether the answer comes as events."),
    Field("stop_sequences", {"type": "array", "items": {"type": "string"}}, "Texts to stop at."),
    Field("temperature", {"type": "number"}, "How freely words are chosen; not all models take it."),
    Field("top_p", {"type": "number"}, "Likelihood within which words are chosen; not all models take it."),
    Field("top_k", {"type": "integer"}, "How many words are chosen from; not all models take it."),
    Field("metadata", {"type": "object"}, "`user_id` names the end user."),
    Field("service_tier", {"type": "string"}, "Which capacity to use."),
)
_USAGE = {
    "type": "object",
    "properties": {
        "input_tokens": {"type": "integer"},
        "output_tokens": {"type": "integer"},
        "cache_creation_input_tokens": {"type": "integer", "nullable": True},
        "cache_read_input_tokens": {"type": "integer", "nullable": True},
    },
    "required": ["input_tokens", "output_tokens"],
}
_MESSAGE = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "type": {"type": "string", "enum": ["message"]},
        "role": {"type": "string", "enum": ["assistant"]},
        "model": {"type": "string"},
        "content": _OBJECTS,
        "stop_reason": {"type": "string", "nullable": True},
        "stop_sequence": {"type": "string", "nullable": True},
        "usage": _USAGE,
    },
    "required": ["id", "type", "role", "model", "content", "usage"],
}

_family = partial(
    Family,
    method="POST",
    tag="Messages",
    takes="A conversation and options; fields that are not listed go to upstreams of the same API as they are.",
    ignored=lambda _: (),
    wording=WORDING,
    forwards=FORWARDS,
)

MESSAGES: Family[LanguageRequest, Spoken] = _family(
    operation=MESSAGE,
    path="/messages",
    summary="Create Message",
    description="Goes on with a conversation, in the words of Anthropic's Messages API, whatever model answers.",
    gives="The message that the model says next.",
    json_fields=(*_SHARED, *_ASKED),
    reply_schema=_MESSAGE,
    parse=read_message,
    write=write_message,
    fold=fold_message,
    heartbeat=HEARTBEAT,
)

COUNT_TOKENS: Family[LanguageRequest, Spoken] = _family(
    operation=COUNT,
    path="/messages/count_tokens",
    summary="Count Message Tokens",
    description="Counts the tokens of a conversation without asking the model.",
    gives="How many tokens there are.",
    json_fields=_SHARED,
    reply_schema={
        "type": "object",
        "properties": {"input_tokens": {"type": "integer"}},
        "required": ["input_tokens"],
    },
    parse=read_count,
    write=write_spoken,
)
