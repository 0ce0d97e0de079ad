"""``POST /responses``: items in, items out, and conversations that are kept; ``POST /responses/compact``.

Shapes: OpenAI's ``CreateResponse`` and ``Response``.
"""

from torana.core.errors import InvalidRequest
from torana.core.exchange import EVENT_STREAM, Reply
from torana.families.base import Body, Family, Publish
from torana.families.language.asked import LanguageRequest, Spoken, read_request, write_spoken
from torana.families.language.responses.continued import COMPACT, CREATE, previous
from torana.families.language.responses.declared import COMPACT_FIELDS, COMPACTED, FIELDS, RESPONSE, WORDING
from torana.families.language.responses.events import ResponseTeller, fold, replay
from torana.families.language.responses.hearing import hear
from torana.families.language.responses.telling import tell
from torana.families.language.voice import Voice


def read_response(raw: bytes) -> LanguageRequest:
    """The request of a body; InvalidRequest names what is wrong, and what is not to be had here of anybody."""
    request = read_request(CREATE, raw)
    previous(request)
    if request.body.get("background"):
        raise InvalidRequest(
            "The gateway makes no responses in the background: leave 'background' out, and use 'stream' to wait.",
            param="background",
            code="unsupported_parameter",
        )
    if request.body.get("conversation"):
        raise InvalidRequest(
            "The gateway keeps no conversations of that kind: go on from a response by 'previous_response_id'.",
            param="conversation",
            code="unsupported_parameter",
        )
    return request


def read_compact(raw: bytes) -> LanguageRequest:
    """The request of a body; InvalidRequest names what is wrong."""
    request = read_request(COMPACT, raw)
    previous(request)
    return request


async def write_response(request: LanguageRequest, reply: Reply[Spoken], publish: Publish) -> Body:
    """The answer as it is; as events where they were asked for and nobody told them yet."""
    if reply.body.told or not request.stream:
        return await write_spoken(request, reply, publish)
    data = b"".join(replay(reply.body.data))
    return Body(EVENT_STREAM, len(data), (data,))


VOICE = Voice(hear, tell, ResponseTeller)

RESPONSES: Family[LanguageRequest, Spoken] = Family(
    operation=CREATE,
    method="POST",
    path="/responses",
    tag="Responses",
    summary="Create Response",
    description="Has a model answer, and keeps the answer so that a conversation can go on from it.",
    takes="What is said, and options.",
    gives="The response; as events where `stream` is true.",
    json_fields=FIELDS,
    reply_schema=RESPONSE,
    wording=WORDING,
    parse=read_response,
    ignored=lambda _: (),
    write=write_response,
    fold=fold,
    heartbeat=b": \n\n",
)
COMPACTION: Family[LanguageRequest, Spoken] = Family(
    operation=COMPACT,
    method="POST",
    path="/responses/compact",
    tag="Responses",
    summary="Compact Response",
    description="Has the upstream make a conversation shorter, where it can.",
    takes="What was said.",
    gives="Items that stand for the conversation.",
    json_fields=COMPACT_FIELDS,
    reply_schema=COMPACTED,
    parse=read_compact,
    ignored=lambda _: (),
    write=write_spoken,
)
