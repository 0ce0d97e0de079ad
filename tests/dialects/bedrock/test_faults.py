import json

import pytest

from tests.dialects.bedrock.converse import RUNTIME
from torana.core.errors import (
    Filtered,
    InvalidRequest,
    ToranaError,
    UpstreamAuth,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from torana.core.exchange import Event
from torana.dialects.bedrock import decode_fault
from torana.dialects.bedrock.faults import fault_of, is_fault
from torana.dialects.steps import Received

KINDS: list[tuple[str, int, type[ToranaError]]] = [
    ("AccessDeniedException", 403, UpstreamAuth),
    ("ThrottlingException", 429, UpstreamRateLimited),
    ("ServiceQuotaExceededException", 400, UpstreamRateLimited),
    ("ModelNotReadyException", 429, UpstreamRateLimited),
    ("ResourceNotFoundException", 404, UpstreamRejected),
    ("ModelTimeoutException", 408, UpstreamTimeout),
    ("InternalServerException", 500, UpstreamError),
    ("ServiceUnavailableException", 503, UpstreamError),
    ("ModelErrorException", 424, UpstreamError),
    ("ModelStreamErrorException", 424, UpstreamError),
    ("ValidationException", 400, InvalidRequest),
    ("", 403, UpstreamAuth),
    ("", 500, UpstreamError),
    ("", 400, UpstreamRejected),
]


def fault(status: int, kind: str, words: str = "Sorry.", **headers: str) -> ToranaError:
    told = {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/", **headers}
    return decode_fault(Received(status, told, json.dumps({"message": words}).encode()))


@pytest.mark.parametrize(("kind", "status", "error"), KINDS)
def test_a_header_tells_what_went_wrong(kind: str, status: int, error: type[ToranaError]) -> None:
    meant = fault(status, kind)
    assert (type(meant), meant.upstream_status) == (error, status)
    assert ("Sorry." in meant.message) is (error is InvalidRequest)


def test_every_error_of_the_service_is_known() -> None:
    known = {kind for kind, _, _ in KINDS}
    for call in ("Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"):
        assert {shape.name for shape in RUNTIME.operation_model(call).error_shapes} <= known


@pytest.mark.parametrize(
    ("words", "error", "code"),
    [
        ("Input is too long for requested model.", InvalidRequest, "context_length_exceeded"),
        ("messages.0: bad", InvalidRequest, "invalid_value"),
        ("The provided model identifier is invalid.", UpstreamRejected, "upstream_rejected"),
        ("Invocation with on-demand throughput isn't supported.", UpstreamRejected, "upstream_rejected"),
        ("This request has been blocked by our content filters.", Filtered, "content_filter"),
        ("", UpstreamRejected, "upstream_rejected"),
    ],
)
def test_only_what_is_about_the_request_is_the_callers(words: str, error: type[ToranaError], code: str) -> None:
    meant = fault(400, "ValidationException", words)
    assert (type(meant), meant.code) == (error, code)


def test_words_are_bounded_and_waits_are_told() -> None:
    assert len(fault(400, "ValidationException", "x" * 5000).message) < 1100
    assert fault(429, "ThrottlingException", **{"retry-after": "900"}).retry_after == 60
    assert fault(429, "ThrottlingException").retry_after is None


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"message": 5}', b"[" * 5000])
def test_an_error_without_words_is_nobodys_but_the_upstreams(body: bytes) -> None:
    assert type(decode_fault(Received(400, {"x-amzn-errortype": "ValidationException"}, body))) is UpstreamRejected


def test_events_that_are_exceptions() -> None:
    for name in RUNTIME.shape_for("ConverseStreamOutput").members:
        assert is_fault(Event(name, b"")) is name.endswith("Exception")
    error = Event("error", b'{"code": "throttlingException", "message": "Slow."}')
    assert is_fault(error)
    assert type(fault_of(error)) is UpstreamRateLimited
    told = fault_of(Event("validationException", b'{"message": "tool_use without tool_result"}'))
    assert "tool_use" in told.message
