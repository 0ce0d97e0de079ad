"""How errors are worded on the wire: each family's clients know their own shape of them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as its answer tells it."""

    status: int
    message: str
    type: str
    """OpenAI's name for its kind."""
    param: str | None
    code: str | None
    request_id: str
    beside: Mapping[str, object] = field(default_factory=dict)
    """What stands beside it in OpenAI's shape."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A shape of errors."""

    body: Callable[[Fault], bytes] = field(repr=False)
    """The answer that an error is, in JSON."""
    event: Callable[[Fault], bytes] = field(repr=False)
    """An error that ends a stream, as the event by which clients know it."""
    request_id: str = "x-request-id"
    """The header in which clients look for the request's id, beside ``x-request-id``."""


def openai_body(fault: Fault) -> bytes:
    """OpenAI's error object."""
    members = {"message": fault.message, "type": fault.type, "param": fault.param, "code": fault.code}
    return json.dumps({**fault.beside, "error": members}).encode()


def openai_event(fault: Fault) -> bytes:
    """OpenAI's error object as the event by which its clients know it."""
    return b"event: error\ndata: %s\n\n" % openai_body(fault)


OPENAI = Wording(openai_body, openai_event)
