"""OpenAI's events of pictures in the making: previews, finished pictures, and errors in mid-stream.

Source: the openai Python client 3.54.0 for the events, and for errors what it raises; their words are recalled.
"""

from http import HTTPStatus

import msgspec
from msgspec import Struct

from torana.core.errors import Moderated
from torana.core.exchange import Event, Partial
from torana.dialects.inline import from_base64
from torana.dialects.steps import Received

_PARTIAL = ".partial_image"
_STATUSES = {
    "invalid_request_error": HTTPStatus.BAD_REQUEST,
    Moderated.type: HTTPStatus.BAD_REQUEST,
    "rate_limit_error": HTTPStatus.TOO_MANY_REQUESTS,
    "rate_limit_exceeded": HTTPStatus.TOO_MANY_REQUESTS,
}
"""The status that an error would have come with, had it come before the stream; by its type or its code."""


class _Fault(Struct):
    type: object = None
    code: object = None


class _Said(Struct):
    type: str = ""
    b64_json: str | None = None
    partial_image_index: int = 0
    size: str | None = None
    output_format: str | None = None
    error: _Fault | str | None = None


def read_event(event: Event) -> Partial | Received | None:
    """A preview; an error, as the reply that it would have been; None for all else."""
    said = _said(event)
    if said is None:
        return None
    if said.error is not None:
        return Received(_status(said.error), {}, event.data)
    if said.type.endswith(_PARTIAL) and said.b64_json:
        return Partial(said.b64_json, said.partial_image_index, said.size, said.output_format)
    return None


def finished_picture(event: Event) -> bytes | None:
    """The finished picture that an event brings; None where it brings none, UpstreamError where it is broken."""
    said = _said(event)
    return from_base64(said.b64_json) if said is not None and said.b64_json else None


def _said(event: Event) -> _Said | None:
    try:
        return msgspec.json.decode(event.data, type=_Said)
    except (ValueError, RecursionError):
        return None


def _status(fault: _Fault | str) -> int:
    words = (str(fault.code), str(fault.type)) if isinstance(fault, _Fault) else ()
    return next((_STATUSES[word] for word in words if word in _STATUSES), HTTPStatus.INTERNAL_SERVER_ERROR)
