"""What this dialect's servers say: messages and events, as far as we look at them.

Source: Anthropic's ``Message``, ``Usage`` and ``RawMessageStreamEvent``.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from torana.core.errors import UpstreamError
from torana.dialects.steps import unreadable
from torana.families.language.saying import Tokens


class OutputDetails(Struct):
    """What the output is made of."""

    thinking_tokens: int | None = None


class Used(Struct):
    """Tokens: of a whole message, or so far."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None

    def later(self, used: "Used") -> "Used":
        """What is known when more was said; a later word counts."""
        kept = {name: getattr(self, name) for name in self.__struct_fields__}
        said = {name: value for name in kept if (value := getattr(used, name)) is not None}
        return Used(**kept | said)

    @property
    def tokens(self) -> Tokens:
        """Each of them once."""
        out = self.output_tokens or 0
        thought = (self.output_tokens_details.thinking_tokens or 0) if self.output_tokens_details else 0
        thought = min(thought, out)
        return Tokens(
            text_in=self.input_tokens or 0,
            cached_in=self.cache_read_input_tokens or 0,
            cache_write_in=self.cache_creation_input_tokens or 0,
            text_out=out - thought,
            reasoning_out=thought,
        )


class Content(Struct):
    """A block of any type."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None


class Answer(Struct):
    """A message."""

    id: str | None = None
    model: str | None = None
    content: list[Content] | UnsetType | None = UNSET
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: Used | None = None


class More(Struct):
    """What a delta adds to a block, or to the message."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class Told(Struct):
    """An event of any type."""

    type: str = ""
    message: Answer | None = None
    content_block: Content | None = None
    delta: More | None = None
    usage: Used | None = None


def read_answer(body: bytes) -> Answer:
    """A whole message; UpstreamError for what is none."""
    try:
        answer = msgspec.json.decode(body, type=Answer)
    except (ValueError, RecursionError) as error:
        raise unreadable() from error
    if answer.content is UNSET:
        raise UpstreamError("The upstream answered without a message.", code="upstream_invalid_reply")
    return answer


def read_told(data: bytes) -> Told:
    """An event; UpstreamError for what is none."""
    try:
        return msgspec.json.decode(data, type=Told)
    except (ValueError, RecursionError) as error:
        raise unreadable() from error
