"""Every bad request gets its own clear answer, and harms nobody."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from PIL import Image

from tests.auth import forge
from tests.e2e.gateway import AUDIENCE, ISSUER, KEY, KEY_ISSUER, PHOTO, PUBLIC_KEY, Gateway, token, wait_until
from tests.e2e.wire import BOUNDARY, PATH, Connection, Reply, ask, chunk, form, form_headers, head, part, post
from tests.media.samples import encoded, picture, png_header
from torana.core.content import Size

PNG = encoded(picture(), "PNG")
JPEG = PHOTO.read_bytes()
MODEL, IMAGE = part("model", "echo"), part("image", PNG, "a.png")
GOOD = form(MODEL, IMAGE)
GIBBERISH = b"these bytes are no picture at all " * 40


@dataclass(frozen=True)
class Answer:
    """What a bad request must get."""

    status: int
    code: str
    param: str | None
    says: str
    """Words that the message must hold."""
    type: str = "invalid_request_error"


def check(reply: Reply, answer: Answer) -> None:
    assert reply.status == answer.status, reply.body
    assert reply.headers["content-type"] == "application/json"
    assert re.fullmatch(r"req_[0-9a-f]{24}", reply.headers["x-request-id"])
    error = reply.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == (answer.type, answer.param, answer.code)
    assert answer.says in error["message"]


@pytest.fixture(autouse=True)
def unharmed(gateway: Gateway) -> Iterator[None]:
    """Afterwards the gateway answers a good request, with the workers that it had."""
    ask(gateway.address, post(GOOD, token()))
    before = gateway.workers
    yield
    assert ask(gateway.address, post(GOOD, token())).status == 200
    assert gateway.workers == before != set()


def test_nothing_here_is_a_web_socket(gateway: Gateway) -> None:
    wish = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "a2V5"}
    assert ask(gateway.address, head(wish, method="GET", path="/v1/responses"), "GET").status == 405


def test_good_tokens_of_both_issuers_open_the_door(gateway: Gateway) -> None:
    for good in (token(), token(KEY, "EdDSA", iss=KEY_ISSUER)):
        assert ask(gateway.address, post(GOOD, good)).status == 200


NOW = int(time.time())
BAD_TOKENS = {
    "none at all": None,
    "empty": "",
    "no jwt": "sk-0123456789",
    "malformed": "not.a.token",
    "expired": token(exp=NOW - 3600, iat=NOW - 7200),
    "not yet valid": token(nbf=NOW + 3600),
    "without an end": token(exp=None),
    "without a subject": token(sub=None),
    "wrong issuer": token(iss="https://elsewhere.example"),
    "wrong audience": token(aud="another-service"),
    "wrong secret": token("another secret, of 32 bytes or more"),
    "wrong algorithm": token(algorithm="HS384", key="a secret for tests, of 48 bytes or more, as HS384 needs"),
    "unsigned": token("", "none"),
    "another issuer's key": token(KEY, "EdDSA", iss=ISSUER),
    "a public key as the secret": forge.token(
        {"iss": KEY_ISSUER, "aud": AUDIENCE, "sub": "eve", "exp": NOW + 3600}, PUBLIC_KEY, "HS256"
    ),
    "too long": token(padding="x" * 10_000),
}


@pytest.mark.parametrize("bad", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_bad_token(gateway: Gateway, bad: str | None) -> None:
    reply = ask(gateway.address, post(GOOD, bad))
    check(reply, Answer(401, "invalid_api_key", None, "must carry a valid bearer token"))
    assert reply.headers["www-authenticate"] == 'Bearer realm="torana"'


def test_all_bad_tokens_get_the_same_words(gateway: Gateway) -> None:
    assert len({ask(gateway.address, post(GOOD, bad)).body for bad in BAD_TOKENS.values()}) == 1


def test_another_scheme_is_no_token(gateway: Gateway) -> None:
    reply = ask(gateway.address, post(GOOD, None, {"Authorization": f"Basic {token()}"}))
    check(reply, Answer(401, "invalid_api_key", None, "Bearer"))


def test_without_a_token_the_body_is_not_waited_for(gateway: Gateway) -> None:
    with Connection(gateway.address) as connection:
        connection.send(post(GOOD, None)[: -len(GOOD)])
        check(connection.reply(), Answer(401, "invalid_api_key", None, "bearer token"))


BAD_FIELDS = {
    "model missing": (form(IMAGE), Answer(400, "missing_required_parameter", "model", "'model'")),
    "model empty": (form(part("model", ""), IMAGE), Answer(400, "missing_required_parameter", "model", "'model'")),
    "model unknown": (
        form(part("model", "dall-e-2"), IMAGE),
        Answer(404, "model_not_found", "model", "'dall-e-2' was retired by its maker"),
    ),
    "model too long": (
        form(part("model", "x" * 300), IMAGE),
        Answer(400, "string_above_max_length", "model", "256 characters"),
    ),
    "two models": (form(MODEL, IMAGE, MODEL), Answer(400, "duplicate_parameter", "model", "more than once")),
    "image missing": (form(MODEL), Answer(400, "missing_required_parameter", "image", "file part named 'image'")),
    "image under another name": (
        form(MODEL, part("picture", PNG, "a.png")),
        Answer(400, "missing_required_parameter", "image", "'image'"),
    ),
    "n of 0": (form(MODEL, IMAGE, part("n", "0")), Answer(400, "integer_below_min_value", "n", "between 1 and 10")),
    "n of -1": (form(MODEL, IMAGE, part("n", "-1")), Answer(400, "integer_below_min_value", "n", "not -1")),
    "n of 11": (form(MODEL, IMAGE, part("n", "11")), Answer(400, "integer_above_max_value", "n", "not 11")),
    "n of 1.5": (form(MODEL, IMAGE, part("n", "1.5")), Answer(400, "invalid_type", "n", "whole number")),
    "n of two": (form(MODEL, IMAGE, part("n", "two")), Answer(400, "invalid_type", "n", "whole number")),
    "size of words": (form(MODEL, IMAGE, part("size", "large")), Answer(400, "invalid_value", "size", "WIDTHxHEIGHT")),
    "size of nothing": (form(MODEL, IMAGE, part("size", "0x64")), Answer(400, "invalid_value", "size", "WIDTHxHEIGHT")),
    "size too small": (form(MODEL, IMAGE, part("size", "8x8")), Answer(400, "unsupported_value", "size", "16 to 4096")),
    "size too large": (
        form(MODEL, IMAGE, part("size", "60000x60000")),
        Answer(400, "invalid_value", "size", "sides of at most 8,192"),
    ),
    "response_format": (
        form(MODEL, IMAGE, part("response_format", "jpeg")),
        Answer(400, "invalid_value", "response_format", "'url', 'b64_json'"),
    ),
    "seed": (form(MODEL, IMAGE, part("seed", "-1")), Answer(400, "integer_below_min_value", "seed", "between 0")),
    "strength": (form(MODEL, IMAGE, part("strength", "2")), Answer(400, "invalid_value", "strength", "0 (a copy)")),
    "output_format": (
        form(MODEL, IMAGE, part("output_format", "bmp")),
        Answer(400, "invalid_value", "output_format", "'png', 'webp', 'jpeg'"),
    ),
}
BAD_PICTURES = {
    "no bytes": (b"", Answer(400, "empty_image_file", "image", "empty")),
    "not a picture": (GIBBERISH, Answer(400, "invalid_image_format", "image", "PNG, JPEG, WebP, GIF, BMP or TIFF")),
    "half a jpeg": (JPEG[: len(JPEG) // 2], Answer(400, "image_parse_error", "image", "incomplete")),
    "half a png": (PNG[: len(PNG) // 2], Answer(400, "image_parse_error", "image", "incomplete")),
    "damaged inside": (
        PNG[:60] + bytes(len(PNG) - 80) + PNG[-20:],
        Answer(400, "image_parse_error", "image", "damaged"),
    ),
    "a header and nothing else": (png_header(60, 60), Answer(400, "image_parse_error", "image", "incomplete")),
}
BAD_FORMS = {
    "truncated": (GOOD[:-20], Answer(400, "invalid_multipart", None, "breaks off")),
    "without its end": (MODEL + IMAGE, Answer(400, "invalid_multipart", None, "breaks off")),
    "without a boundary": (GIBBERISH, Answer(400, "invalid_multipart", None, "breaks off")),
    "a boundary that never comes": (GIBBERISH * 100, Answer(400, "invalid_multipart", None, "does not begin with")),
    "empty": (b"", Answer(400, "invalid_multipart", None, "breaks off")),
    "a part without a name": (
        form(b"--%b\r\nContent-Disposition: form-data\r\n\r\nx\r\n" % BOUNDARY.encode()),
        Answer(400, "invalid_multipart", None, "name"),
    ),
    "not utf-8": (form(part("model", b"\xff\xfe"), IMAGE), Answer(400, "invalid_value", "model", "UTF-8")),
    "too many parts": (form(MODEL, IMAGE, *[part("x", "")] * 63), Answer(413, "request_too_large", None, "parts")),
    "too many files": (form(MODEL, *[IMAGE] * 17), Answer(413, "request_too_large", "image", "at most 16")),
    "too long a header": (
        form(MODEL, part("image", PNG, "x" * 10_000)),
        Answer(413, "request_too_large", None, "header of a part"),
    ),
    "too many header lines": (
        form(MODEL, part("image", PNG, "a.png", *[f"X-{number}: y" for number in range(9)])),
        Answer(413, "request_too_large", None, "8 lines"),
    ),
    "too long a field": (
        form(MODEL, IMAGE, part("user", "x" * 70_000)),
        Answer(413, "request_too_large", "user", "at most 65,536 bytes"),
    ),
}
WITH_PICTURES = {
    name: (form(MODEL, part("image", data, "a.png")), answer) for name, (data, answer) in BAD_PICTURES.items()
}
BAD_BODIES = BAD_FIELDS | WITH_PICTURES | BAD_FORMS


@pytest.mark.parametrize(("body", "answer"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_bad_body(gateway: Gateway, body: bytes, answer: Answer) -> None:
    check(ask(gateway.address, post(body, token())), answer)


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_a_bad_picture_for_the_studio(gateway: Gateway, name: str) -> None:
    data, answer = BAD_PICTURES[name]
    check(ask(gateway.address, post(form(part("model", "vary"), part("image", data, "a.png")), token())), answer)


@pytest.mark.parametrize("size", [Size(60_000, 60_000), Size(2**31 - 1, 1), Size(10_001, 10_000)], ids=str)
def test_a_picture_that_claims_too_much_is_refused_at_once(gateway: Gateway, size: Size) -> None:
    answer = Answer(400, "image_too_large", "image", "100,000,000")
    body = form(MODEL, part("image", png_header(size.width, size.height) + bytes(5_000_000), "a.png"))
    started = time.monotonic()
    check(ask(gateway.address, post(body, token())), answer)
    with Connection(gateway.address) as connection:
        connection.send(post(body, token())[:100_000])
        check(connection.reply(), answer)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("content_type", "says"),
    [
        ("application/json", "'application/json'"),
        ("application/x-www-form-urlencoded", "multipart/form-data"),
        ("multipart/form-data", "boundary"),
        ("multipart/form-data; boundary=", "boundary"),
        (f"multipart/form-data; boundary={'x' * 71}", "1 to 70 characters"),
        ("", "multipart/form-data"),
    ],
)
def test_not_a_form(gateway: Gateway, content_type: str, says: str) -> None:
    reply = ask(gateway.address, post(GOOD, token(), {"Content-Type": content_type}))
    check(reply, Answer(400, "unsupported_content_type", None, says))


def test_too_many_bytes_are_refused_before_they_are_sent(gateway: Gateway) -> None:
    with Connection(gateway.address) as connection:
        connection.send(head({**form_headers(token()), "Content-Length": str(16 * 1024**2 + 1)}))
        reply = connection.reply()
    check(reply, Answer(413, "request_too_large", None, "at most 16,777,216 bytes"))
    assert reply.headers["connection"] == "close"


def test_too_many_bytes_of_a_file_are_refused_as_soon_as_they_are_there(gateway: Gateway) -> None:
    image = part("image", encoded(Image.new("L", (3000, 3000)), "BMP"), "a.bmp")
    beginning = form(MODEL, image)[: 8 * 1024**2 + 1024]
    with Connection(gateway.address) as connection:
        connection.send(head({**form_headers(token()), "Content-Length": str(15 * 1024**2)}), beginning)
        check(connection.reply(), Answer(413, "request_too_large", "image", "at most 8,388,608 bytes"))


def test_a_body_without_a_length_is_bounded_too(gateway: Gateway) -> None:
    with Connection(gateway.address) as connection:
        connection.send(head({**form_headers(token()), "Transfer-Encoding": "chunked"}), chunk(MODEL))
        while not connection.answered:
            connection.send(chunk(part("x", bytes(60_000))))
        check(connection.reply(), Answer(413, "request_too_large", None, "parts"))


def test_a_client_that_leaves_in_the_middle_harms_nobody(gateway: Gateway) -> None:
    def left() -> float:
        return gateway.metric("http_server_request_duration_seconds_count", http_response_status_code="499")

    before = left()
    with Connection(gateway.address) as connection:
        connection.send(post(GOOD, token())[:-200])
    wait_until(lambda: left() == before + 1)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_wrong_method(gateway: Gateway, method: str) -> None:
    reply = ask(gateway.address, head({}, method=method))
    check(reply, Answer(405, "method_not_allowed", None, f"takes POST, not {method}"))
    assert reply.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/images/variation", "/images/variations/", "/v2/images/variations", "/pictures"]
)
def test_an_unknown_path(gateway: Gateway, path: str) -> None:
    reply = ask(gateway.address, post(GOOD, token()).replace(PATH.encode(), path.encode(), 1))
    check(reply, Answer(404, "unknown_path", None, "nothing at this path"))


NOT_HTTP = {
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "two lengths": head({**form_headers(token()), "Content-Length": "5", "content-length": "6"}) + b"hello",
    "a length below zero": head({**form_headers(token()), "Content-Length": "-5"}) + b"hello",
    "a length and chunks": head({"Content-Length": "5", "Transfer-Encoding": "chunked"}) + chunk(b"hello"),
    "a broken chunk": head({**form_headers(token()), "Transfer-Encoding": "chunked"}) + chunk(MODEL) + b"zz\r\n",
}


@pytest.mark.parametrize("sent", NOT_HTTP.values(), ids=NOT_HTTP.keys())
def test_what_is_not_http(gateway: Gateway, sent: bytes) -> None:
    reply = ask(gateway.address, sent)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/json")
    error = reply.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", None, "invalid_http")


def test_a_head_without_end(gateway: Gateway) -> None:
    reply = ask(gateway.address, head({"X-Padding": "x" * 100_000}))
    assert (reply.status, reply.json["error"]["code"]) == (431, "request_too_large")


@pytest.mark.parametrize("path", ["/pictures/none.png", "/pictures/none.png?signature=forged", "/pictures/../x"])
def test_a_forged_link(gateway: Gateway, path: str) -> None:
    check(gateway.get(path), Answer(404, "not_found", None, "no such picture"))
