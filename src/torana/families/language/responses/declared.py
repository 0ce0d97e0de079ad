"""What can be asked of responses, as the docs describe it.

Shapes: OpenAI's ``CreateResponse``, ``Response`` and ``ResponseItemList``.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from torana.families.base import Endpoint, Field
from torana.families.faults import Fault, Wording, openai_body
from torana.families.language.asked import frame

_OBJECT: Mapping[str, Any] = {"type": "object"}
_OBJECTS: Mapping[str, Any] = {"type": "array", "items": _OBJECT}

RESPONSE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"type": "string", "enum": ["response"]},
        "created_at": {"type": "number", "description": "Seconds since the Unix epoch."},
        "status": {"type": "string", "description": "`completed`, `incomplete` or `failed`."},
        "model": {"type": "string"},
        "output": {**_OBJECTS, "description": "Items: messages, calls of functions, reasoning."},
        "usage": {**_OBJECT, "nullable": True},
        "error": {**_OBJECT, "nullable": True},
        "incomplete_details": {**_OBJECT, "nullable": True},
    },
    "required": ["id", "object", "created_at", "output"],
}
_LIST: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "object": {"type": "string", "enum": ["list"]},
        "data": _OBJECTS,
        "first_id": {"type": "string", "nullable": True},
        "last_id": {"type": "string", "nullable": True},
        "has_more": {"type": "boolean"},
    },
    "required": ["object", "data", "has_more"],
}
COMPACTED: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"type": "string", "enum": ["response.compaction"]},
        "created_at": {"type": "number"},
        "output": _OBJECTS,
        "usage": _OBJECT,
    },
    "required": ["id", "object", "output"],
}
_DELETED: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"type": "string", "enum": ["response"]},
        "deleted": {"type": "boolean"},
    },
    "required": ["id", "object", "deleted"],
}


def error_event(fault: Fault) -> bytes:
    """An error in a stream, whose members stand beside its type."""
    members = {"type": "error", "code": fault.code, "message": fault.message, "param": fault.param}
    return frame(msgspec.json.encode(members | {"sequence_number": 0}), "error")


WORDING = Wording(openai_body, error_event)
_MODEL = Field("model", {"type": "string", "maxLength": 256}, "The model to use.", required=True)
_INPUT = Field("input", {"anyOf": [{"type": "string"}, _OBJECTS]}, "What is said: words, or a list of items.")
_PREVIOUS = Field("previous_response_id", {"type": "string"}, "The response that this one goes on from.", nullable=True)
_INSTRUCTIONS = Field("instructions", {"type": "string"}, "What the model is told first.", nullable=True)
COMPACT_FIELDS = (_MODEL, _INPUT, _PREVIOUS, _INSTRUCTIONS)
FIELDS = (
    _MODEL,
    _INPUT,
    _INSTRUCTIONS,
    _PREVIOUS,
    Field("store", {"type": "boolean", "default": True}, "Whether the response is kept.", nullable=True),
    Field("stream", {"type": "boolean", "default": False}, "Whether the answer comes as events.", nullable=True),
    Field("tools", _OBJECTS, "Functions that the model may have run, and whatever else its upstream has."),
    Field("tool_choice", {"anyOf": [{"type": "string"}, _OBJECT]}, "Whether tools are to be used, and which."),
    Field("parallel_tool_calls", {"type": "boolean"}, "Whether several may be called at once.", nullable=True),
    Field("text", _OBJECT, "The form of the answer: `format`, `verbosity`."),
    Field("reasoning", _OBJECT, "How much to think: `effort`, `summary`.", nullable=True),
    Field("max_output_tokens", {"type": "integer"}, "The most tokens that may come out.", nullable=True),
    Field("temperature", {"type": "number"}, "How freely words are chosen, from 0 to 2.", nullable=True),
    Field("top_p", {"type": "number"}, "The share of likely words that are chosen from.", nullable=True),
    Field("top_logprobs", {"type": "integer"}, "How many likely tokens to tell at each place.", nullable=True),
    Field("include", {"type": "array", "items": {"type": "string"}}, "What else to tell.", nullable=True),
    Field("metadata", _OBJECT, "Texts that are kept with the response.", nullable=True),
    Field("truncation", {"type": "string"}, "`auto` or `disabled`.", nullable=True),
    Field("service_tier", {"type": "string"}, "How the upstream is to serve it.", nullable=True),
    Field("user", {"type": "string"}, "A name for the end user."),
)
_ID = (Field("response_id", {"type": "string"}, "The response's id.", required=True),)


def _kept(operation: str, method: str, below: str = "", **told: Any) -> Endpoint:  # noqa: ANN401 - what an endpoint says
    path = f"/responses/{{response_id}}{below}"
    name = f"responses.{operation}"
    return Endpoint(operation=name, method=method, path=path, tag="Responses", parameters=_ID, **told)


RETRIEVE = _kept(
    "retrieve",
    "GET",
    summary="Get Response",
    description="Gives a response that was kept, to the caller that it was made for; with `?stream=true`, as events.",
    gives="The response.",
    reply_schema=RESPONSE,
)
DELETE = _kept(
    "delete",
    "DELETE",
    summary="Delete Response",
    description="Forgets a response that was kept.",
    gives="That it is gone.",
    reply_schema=_DELETED,
)
INPUT_ITEMS = _kept(
    "input_items",
    "GET",
    "/input_items",
    summary="List Input Items",
    description="Lists what went into a response, by pages: `?limit=` 1 to 100, `?order=` `asc` or `desc`, `?after=` "
    "the id of an item.",
    gives="A page of items.",
    reply_schema=_LIST,
)
CANCEL = _kept(
    "cancel",
    "POST",
    "/cancel",
    summary="Cancel Response",
    description="Stops a response that is made in the background. The gateway makes none so: it refuses.",
    gives="The response.",
    reply_schema=RESPONSE,
)
