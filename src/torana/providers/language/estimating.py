"""Tokens of a conversation, estimated by ourselves where the upstream has no way to count them beforehand."""

from collections.abc import Callable

import msgspec

from torana.dialects.ways import Answered
from torana.families.language.asked import LanguageRequest
from torana.families.language.voice import Voice
from torana.families.language.words import Conversation, Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult

_BYTES_OF_A_TOKEN = 4
_OF_A_TURN = 4
"""Tokens that set a turn off from the next."""
_OF_A_PICTURE = 1_000
"""Tokens of a picture of the usual size, and more than a page of a document has."""


Reckon = Callable[[LanguageRequest], Answered]
"""An answer for which nobody need be asked."""


def estimated(voice: Voice) -> Reckon:
    """An estimate; ``voice`` hears the request. It is told as emulated: ``tokens``."""

    def reckon(request: LanguageRequest) -> Answered:
        count = tokens_of(voice.hear(request))
        return Answered(msgspec.json.encode({"input_tokens": count}), emulated=("tokens",))

    return reckon


def tokens_of(conversation: Conversation) -> int:
    """About how many tokens a conversation has: a quarter of its bytes, and so many for each picture."""
    turns = sum(_OF_A_TURN + sum(map(_tokens, turn.parts)) for turn in conversation.turns)
    tools = sum(
        _words(tool.name + (tool.description or "")) + len(msgspec.json.encode(tool.schema)) // _BYTES_OF_A_TOKEN
        for tool in conversation.tools
    )
    return max(turns + tools, 1)


def _tokens(part: Part) -> int:
    match part:
        case Text(text=text) | Refusal(text=text) | Reasoning(text=text):
            return _words(text)
        case ToolCall(name=name, arguments=arguments):
            return _words(name + arguments)
        case ToolResult(parts=parts):
            return sum(map(_tokens, parts))
        case Media():
            return _OF_A_PICTURE


def _words(text: str) -> int:
    return -(-len(text.encode()) // _BYTES_OF_A_TOKEN)
