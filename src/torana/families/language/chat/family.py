"""``POST /chat/completions``: messages in, what the model says to them out.

Shapes: OpenAI's ``CreateChatCompletionRequest`` and ``CreateChatCompletionResponse``.
"""

from torana.core.errors import InvalidRequest
from torana.families.base import Family
from torana.families.language.asked import LanguageRequest, Spoken, read_request
from torana.families.language.chat.checked import check_options
from torana.families.language.chat.fields import FIELDS, REPLY_SCHEMA
from torana.families.language.chat.folding import fold, write
from torana.families.language.chat.hearing import hear
from torana.families.language.chat.telling import tell, teller
from torana.families.language.voice import Voice

CHAT_OPERATION = "chat.completions"
HEARTBEAT = b": keep-alive\n\n"


def parse(raw: bytes) -> LanguageRequest:
    """The request of a body; what it does not know it lets pass, for an upstream that may."""
    request = read_request(CHAT_OPERATION, raw, "messages")
    messages = request.body["messages"]
    if not isinstance(messages, list) or not messages:
        raise InvalidRequest("'messages' must be an array of at least one message.", param="messages")
    check_options(request.body)
    return request


def nothing_ignored(_request: LanguageRequest) -> tuple[str, ...]:
    """Nothing is known to be ignored before it is known who answers."""
    return ()


VOICE = Voice(hear=hear, tell=tell, teller=teller)

CHAT: Family[LanguageRequest, Spoken] = Family(
    operation=CHAT_OPERATION,
    method="POST",
    path="/chat/completions",
    tag="Chat",
    summary="Create Chat Completion",
    description="Answers a conversation; as server-sent events, each a chunk of the answer, where `stream` is true.",
    takes="The conversation and options.",
    gives="The model's answer.",
    json_fields=FIELDS,
    reply_schema=REPLY_SCHEMA,
    parse=parse,
    ignored=nothing_ignored,
    write=write,
    fold=fold,
    heartbeat=HEARTBEAT,
)
