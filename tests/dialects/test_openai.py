import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.families.sent import Sent
from torana.core.errors import (
    CallerError,
    InvalidImage,
    InvalidRequest,
    Moderated,
    UpstreamAuth,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from torana.dialects.openai import decode_error, decode_pictures
from torana.dialects.steps import Link
from torana.families.images import ImageRequest

BOUNDARY = "torana-5d41402abc4b2a76b9719d911017c592"
ASKED = ImageRequest("vary", (Sent(),))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def reply(*items: object, **more: object) -> bytes:
    return json.dumps({"data": items, **more}).encode()


PICTURE = {"b64_json": b64(b"picture")}


@pytest.mark.parametrize(
    ("body", "pictures"),
    [
        (reply(PICTURE, created=1), (b"picture",)),
        (reply(PICTURE, {"b64_json": b64(b"other")}), (b"picture", b"other")),
        (reply({"b64_json": "data:image/png;base64," + b64(b"picture")}), (b"picture",)),
        (reply({"url": "data:image/png;base64," + b64(b"picture")}), (b"picture",)),
        (reply({"url": "https://cdn.example/a.png"}), (Link("https://cdn.example/a.png"),)),
        (reply({"url": "https://cdn.example/a.png", "b64_json": None}), (Link("https://cdn.example/a.png"),)),
        (reply({"url": "https://cdn.example/a.png", **PICTURE}), (b"picture",)),
        (reply(PICTURE, {"url": "u"}, PICTURE), (b"picture", Link("u"), b"picture")),
        (reply({"b64_json": None, "url": ""}, None, {}, PICTURE), (b"picture",)),
        (reply({**PICTURE, "revised_prompt": None, "seed": 10**400}, created="now", usage=[]), (b"picture",)),
    ],
)
def test_pictures(body, pictures):
    assert decode_pictures(body) == pictures


@pytest.mark.parametrize(
    "body", [b"{}", reply(), b'{"data":null}', reply(None), reply({}), reply({"b64_json": "", "url": None})]
)
def test_no_picture(body):
    with pytest.raises(UpstreamError, match="answered without a picture") as caught:
        decode_pictures(body)
    assert caught.value.code == "upstream_empty_reply"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b"5", b"<html><body>502</body></html>", b'{"data":[', b"\xff\xfe", reply(5), reply("x")),
        *(reply([PICTURE]), b'{"data":{}}', reply({"b64_json": 5}), reply({"url": ["u"]}), b"[" * 100_000),
        *(b'{"data":' + b"[" * 100_000, b'{"x":' + b'{"a":' * 100_000),
        *(reply({"b64_json": text}) for text in ("?", "YQ", "YQ==YQ==", "YWJj\n", "\u00e9", "data:image/png,abc%20d")),
    ],
    ids=lambda body: repr(body[:30]),
)
def test_replies_that_cannot_be_understood(body):
    with pytest.raises(UpstreamError, match="could not be understood") as caught:
        decode_pictures(body)
    assert caught.value.code == "upstream_invalid_reply"


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just(b64(b"picture"))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["data", "b64_json", "url", "error", "code", "type", "param", "detail"]), inner, max_size=4
        ),
    ),
    max_leaves=15,
)
REPLIES = st.one_of(
    st.binary(),
    st.dictionaries(st.sampled_from(["data", "error"]), JSON).map(lambda body: json.dumps(body).encode()),
    st.lists(JSON, max_size=3).map(lambda items: reply(*items)),
)


@given(REPLIES)
def test_any_reply_is_pictures_or_the_upstreams_failure(body):
    with suppress(UpstreamError):
        pictures = decode_pictures(body)
        assert pictures
        assert all(isinstance(picture, bytes | Link) for picture in pictures)


def fault(**members: object) -> bytes:
    return json.dumps({"error": {"message": "s3cret", **members}}).encode()


@pytest.mark.parametrize("status", [400, 403, 422, 500, 200])
@pytest.mark.parametrize(
    "members",
    [
        {"code": "moderation_blocked"},
        {"code": "content_policy_violation", "type": "invalid_request_error", "param": None},
        {"code": "image_content_policy_violation", "param": ["odd"]},
        {"code": "contentFilter"},
        {"type": "image_generation_user_error", "code": 5},
    ],
)
def test_moderation_is_the_callers_whatever_the_status(status, members):
    error = decode_error(status, {}, fault(**members))
    assert type(error) is Moderated
    assert error.code == "moderation_blocked"


@pytest.mark.parametrize("status", [400, 413, 415, 422])
@pytest.mark.parametrize(
    ("members", "kind", "param", "code"),
    [
        ({"code": "image_too_large", "param": None}, InvalidImage, "image", "image_too_large"),
        ({"code": "invalid_image_format", "param": "n"}, InvalidImage, "image", "invalid_image_format"),
        ({"code": "invalid_value", "param": "size"}, InvalidRequest, "size", "invalid_value"),
        ({"code": None, "param": "n"}, InvalidRequest, "n", "invalid_value"),
        ({"param": "user"}, InvalidRequest, "user", "invalid_value"),
        ({"param": "image", "code": 17}, InvalidRequest, "image", "invalid_value"),
    ],
)
def test_what_the_caller_could_have_known_is_his(status, members, kind, param, code):
    error = decode_error(status, {}, fault(**members))
    assert (type(error), error.param, error.code) == (kind, param, code)


@pytest.mark.parametrize(
    "code",
    [
        *("empty_image_file", "image_file_too_large", "image_parse_error", "image_too_large", "image_too_small"),
        *("invalid_image", "invalid_image_format", "invalid_image_mode", "unsupported_image_media_type"),
    ],
)
def test_openais_codes_for_pictures_are_passed_on(code):
    error = decode_error(400, {}, fault(code=code))
    assert (type(error), error.param, error.code) == (InvalidImage, "image", code)


NOTHING_OF_HIS = [
    *(b"", b"null", b"[]", b"<html>", b"\xff", b'{"error":"no"}', b'{"error":null}', b'{"error":{}}', b'{"error":[1]}'),
    *(
        b'{"detail":"Model not found"}',
        b'{"detail":[{"loc":["body","size"],"msg":"bad"}]}',
        b'{"error":' + b"[" * 100_000,
    ),
    *(
        fault(param="model"),
        fault(param="response_format"),
        fault(param="prompt"),
        fault(param=["size"]),
        fault(param=5),
    ),
    *(fault(code="invalid_value"), fault(code=["image_too_large"]), fault(type="invalid_request_error")),
]


@pytest.mark.parametrize("body", NOTHING_OF_HIS, ids=lambda body: repr(body[:40]))
@pytest.mark.parametrize(
    ("status", "kind", "answered"),
    [
        *((400, UpstreamRejected, 502), (402, UpstreamRejected, 502), (404, UpstreamRejected, 502)),
        *((409, UpstreamRejected, 502), (413, UpstreamRejected, 502), (422, UpstreamRejected, 502)),
        *((302, UpstreamRejected, 502), (401, UpstreamAuth, 502), (403, UpstreamAuth, 502)),
        *((408, UpstreamTimeout, 504), (504, UpstreamTimeout, 504), (429, UpstreamRateLimited, 429)),
        *((500, UpstreamError, 502), (502, UpstreamError, 502), (503, UpstreamError, 502), (599, UpstreamError, 502)),
    ],
)
def test_all_else_is_the_upstreams(status, kind, answered, body):
    error = decode_error(status, {}, body)
    assert (type(error), error.status, error.retryable) == (kind, answered, True)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
@pytest.mark.parametrize("members", [{"param": "size"}, {"code": "image_too_large"}])
def test_a_field_is_to_blame_only_where_the_request_is(status, members):
    assert isinstance(decode_error(status, {}, fault(**members)), UpstreamError)


@given(st.integers(400, 599), st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text()), REPLIES)
def test_any_error_is_somebodys(status, headers, body):
    error = decode_error(status, headers, body)
    assert isinstance(error, CallerError | UpstreamError)
    assert error.retry_after is None or 0 <= error.retry_after <= 60


@pytest.mark.parametrize(
    ("status", "members", "message"),
    [
        (400, {"code": "moderation_blocked"}, "The request was rejected by the upstream's safety system."),
        (400, {"code": "image_too_large"}, "The upstream cannot use this picture."),
        (400, {"param": "size"}, "The upstream does not accept this value of 'size'."),
        (400, {}, "The upstream refused the request with status 400."),
        (401, {}, "The upstream did not accept the gateway's credentials."),
        (429, {}, "The upstream asks to be called less often."),
        (503, {}, "The upstream failed with status 503."),
        (504, {}, "The upstream did not finish in time."),
    ],
)
def test_what_the_caller_reads(status, members, message):
    assert decode_error(status, {}, fault(**members)).message == message


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 504])
@pytest.mark.parametrize("members", [{}, {"code": "moderation_blocked"}, {"code": "image_too_large"}, {"param": "n"}])
def test_what_the_upstream_says_of_its_inside_stays_there(status, members):
    assert "s3cret" not in decode_error(status, {}, fault(**members)).message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "5"}, 5.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "60"}, 60.0),
        ({"retry-after": "61"}, 60.0),
    ],
)
def test_how_long_the_caller_is_told_to_wait(headers: dict[str, str], seconds: float | None):
    assert decode_error(429, headers, b"").retry_after == seconds
