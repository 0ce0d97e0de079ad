"""The models themselves: which there are for a caller, and one of them, as clients of each kind ask for them."""

from collections.abc import Iterable, Mapping
from typing import Any

from torana.families.base import Endpoint, Field

_OURS = "torana"
_UNKNOWN = 0
"""When a model was made is not known here; OpenAI's clients want an integer all the same."""
_UNKNOWN_TIME = "1970-01-01T00:00:00Z"
"""The same where clients want a time."""
PAGED_BY = "anthropic-version"
"""The header that all clients of ``messages`` send, and no others."""

_MODEL: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "What to send as `model`."},
        "object": {"type": "string", "enum": ["model"]},
        "created": {"type": "integer", "description": "Seconds since the Unix epoch; 0 is not known."},
        "owned_by": {"type": "string", "description": "The account it is of, or the gateway itself."},
    },
    "required": ["id", "object", "created", "owned_by"],
}
_MODELS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"object": {"type": "string", "enum": ["list"]}, "data": {"type": "array", "items": _MODEL}},
    "required": ["object", "data"],
}

LIST = Endpoint(
    operation="models.list",
    method="GET",
    path="/models",
    tag="Models",
    summary="List Models",
    description="Lists the models that the caller may use.",
    gives="The models, in the order of the configuration.",
    reply_schema=_MODELS,
)
RETRIEVE = Endpoint(
    operation="models.retrieve",
    method="GET",
    path="/models/{model}",
    tag="Models",
    summary="Retrieve Model",
    description="Tells of one model that the caller may use.",
    gives="The model.",
    reply_schema=_MODEL,
    parameters=(Field("model", {"type": "string"}, "The model's name; it may have slashes.", required=True),),
)


def as_list(names: Iterable[str]) -> dict[str, Any]:
    """Models, by the names that clients use, as OpenAI lists them."""
    return {"object": "list", "data": [as_object(name) for name in names]}


def as_object(name: str) -> dict[str, Any]:
    """One model as OpenAI tells of it."""
    # Models of accounts alone have a slash in their name; the others are the operator's own, and nobody else's.
    account, of_account, _ = name.partition("/")
    return {"id": name, "object": "model", "created": _UNKNOWN, "owned_by": account if of_account else _OURS}


def as_page(names: Iterable[str]) -> dict[str, Any]:
    """Models as clients of ``messages`` page through them; all of them are on the first page."""
    data = [as_entry(name) for name in names]
    ends = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"data": data, "has_more": False, "first_id": ends[0], "last_id": ends[1]}


def as_entry(name: str) -> dict[str, Any]:
    """One model as clients of ``messages`` know it."""
    return {"type": "model", "id": name, "display_name": name, "created_at": _UNKNOWN_TIME, "lifecycle": "active"}
