import base64
import json

import pytest

from torana.core.errors import UpstreamError
from torana.dialects.inline import from_base64, from_url, lifted
from torana.dialects.steps import Link


def test_base64_bare_and_in_a_data_uri():
    assert from_base64("aGVsbG8=") == b"hello"
    assert from_base64("data:image/png;base64,aGVsbG8=") == b"hello"


@pytest.mark.parametrize("broken", ["aGVsbG8", "a b=", "größer==", "data:image/png;base64,aGVsbG8"])
def test_broken_base64_is_the_upstreams_failure(broken):
    with pytest.raises(UpstreamError) as caught:
        from_base64(broken)
    assert caught.value.code == "upstream_invalid_reply"


def test_a_url_holds_a_picture_or_leads_to_one():
    assert from_url("data:image/png;base64,aGVsbG8=") == b"hello"
    assert from_url("https://cdn.example/a.png") == Link("https://cdn.example/a.png")


def written(beginning: bytes) -> str:
    return base64.b64encode(beginning + bytes(range(256))).decode()


PICTURE = written(b"\x89PNG\r\n\x1a\n")
AROUND = 'größer "b64_json":"x'
SAID = {"created": 1, "data": [{"b64_json": PICTURE, "revised_prompt": AROUND}, {"b64_json": PICTURE}]}


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_pictures_are_lifted_out_of_what_is_said_beside_them(separators, ascii_only):
    body = json.dumps(SAID, separators=separators, ensure_ascii=ascii_only).encode()
    rest, inlines = lifted(body)
    assert [bytes(each.text).decode() for each in inlines.values()] == [PICTURE, PICTURE]
    assert json.loads(rest) == {
        "created": 1,
        "data": [{"b64_json": "#0", "revised_prompt": 'größer "b64_json":"x'}, {"b64_json": "#1"}],
    }


@pytest.mark.parametrize(
    ("beginning", "is_lifted"),
    [
        *((b"\x89PNG\r\n\x1a\n", True), (b"\xff\xd8\xff\xe0", True), (b"RIFF\xff\xff\xff\xffWEBP", True)),
        *((b"GIF89a", False), (b"BM", False), (b"<svg", False)),
    ],
)
def test_pictures_of_the_formats_that_we_write_are_lifted(beginning, is_lifted):
    rest, inlines = lifted(b'{"b64_json":"%s"}' % written(beginning).encode())
    assert json.loads(rest) == {"b64_json": "#0" if is_lifted else written(beginning)}
    assert len(inlines) == is_lifted


@pytest.mark.parametrize(
    "text",
    ["aGVsbG8=", PICTURE[:-1], PICTURE[:-4] + "ab-_", PICTURE[:-4] + "a\\nb", PICTURE[:-4] + "ab c", "ä" + PICTURE],
)
def test_what_is_not_plainly_a_picture_stays_where_it_is(text):
    body = b'{"data":[{"b64_json":"%s"},{"b64_json":null},{"b64_json" : "x"}]}' % text.encode()
    assert lifted(body) == (body, {})
    assert lifted(body[:-20]) == (body[:-20], {})


def test_a_picture_that_is_cut_off_stays_where_it_is():
    body = b'{"data":[{"b64_json":"' + PICTURE.encode()
    assert lifted(body) == (body, {})
