import json

import pytest

from torana.core.errors import (
    InvalidRequest,
    ToranaError,
    UpstreamAuth,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from torana.dialects.cohere import decode_fault
from torana.dialects.steps import Received


def fault(status: int, body: bytes = b'{"message": "Sorry."}', **headers: str) -> ToranaError:
    return decode_fault(Received(status, {name.replace("_", "-"): value for name, value in headers.items()}, body))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, UpstreamAuth),
        (402, UpstreamRejected),
        (403, UpstreamAuth),
        (404, UpstreamRejected),
        (422, InvalidRequest),
        (429, UpstreamRateLimited),
        (498, UpstreamAuth),
        (499, UpstreamRejected),
        (500, UpstreamError),
        (503, UpstreamError),
        (504, UpstreamTimeout),
    ],
)
def test_only_what_is_about_the_request_is_the_callers(status: int, kind: type[ToranaError]) -> None:
    error = fault(status)
    assert (type(error), error.upstream_status) == (kind, status)
    assert ("Sorry." in error.message) is (kind is InvalidRequest)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"message": 5}', b"<html>", b"[" * 5000])
def test_an_error_without_words_is_nobody_s_but_the_upstreams(body: bytes) -> None:
    assert type(fault(400, body)) is UpstreamRejected


def test_words_are_bounded_and_told() -> None:
    error = fault(400, json.dumps({"message": "too many tokens: " + "x" * 5000}).encode())
    assert (len(error.message), error.code) == (
        len("The upstream refused the request: ") + 1000,
        "context_length_exceeded",
    )
    assert fault(429, retry_after="7").retry_after == 7
