"""Errors as Anthropic's clients know them: a type by the status, a message, and the id of the request.

Source: Anthropic's API reference, "Errors"; the anthropic Python client 2.12.0.
"""

import msgspec

from torana.families.faults import Fault, Wording

OVERLOADED = "upstream_overloaded"
"""The code of an error that says that the upstream has too much to do."""
_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_OURS = 500


def error_body(fault: Fault) -> bytes:
    """Anthropic's error object."""
    return msgspec.json.encode(
        {
            "type": "error",
            "error": {"type": _type(fault), "message": fault.message},
            "request_id": fault.request_id,
        }
    )


def error_event(fault: Fault) -> bytes:
    """The same, as the event that ends a stream."""
    return b"event: error\ndata: %s\n\n" % error_body(fault)


def _type(fault: Fault) -> str:
    if fault.code == OVERLOADED:
        return "overloaded_error"
    return _TYPES.get(fault.status, "api_error" if fault.status >= _OURS else "invalid_request_error")


WORDING = Wording(error_body, error_event, request_id="request-id")
HEARTBEAT = b'event: ping\ndata: {"type": "ping"}\n\n'
