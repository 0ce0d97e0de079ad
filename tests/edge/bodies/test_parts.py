import pytest

from tests.edge.bodies.test_uploads import (
    INFO,
    LIMITS,
    PICTURE,
    Door,
    body,
    part,
    picture,
    refusal,
    sending,
    with_limits,
)
from torana.core.errors import InvalidImage, InvalidRequest


@pytest.fixture
def door(tmp_path):
    return Door(tmp_path / "spool")


async def test_labels_do_not_decide_what_a_part_is(door):
    sent = body(
        part("image", PICTURE),
        part("image[0]", PICTURE, None, "Content-Type: text/plain", "Content-Transfer-Encoding: base64"),
        part("n", "2", "n.png", "Content-Type: image/png", f"Content-Length: {len('2')}"),
        part("image[x]", "3"),
    )
    assert await door.told(sent) == ([("n", "2"), ("image[x]", "3")], [("image", "", PICTURE, INFO)] * 2)


async def test_every_family_names_its_own_files(door):
    sent = body(part("mask", PICTURE), part("image", "text"))
    told = await door.told(sent, files=frozenset({"mask"}))
    assert told == ([("image", "text")], [("mask", "", PICTURE, INFO)])


@pytest.mark.parametrize("content", [bytes(LIMITS.max_field + 1), bytes(3 * LIMITS.max_field), b"\xff\xd8\xff"])
async def test_of_files_that_nobody_asked_for_the_name_is_kept(door, content):
    sent = body(part("mask", content, "mask.png"), part("n", "2"))
    pieces = [sent[start : start + 9000] for start in range(0, len(sent), 9000)]
    assert await door.told(pieces) == ([("mask", ""), ("n", "2")], [])


async def test_text_that_is_not_utf8_is_refused_by_name(door):
    error = await refusal(door, body(part("user", b"gr\xfcn")))
    assert (type(error), error.param) == (InvalidRequest, "user")


@pytest.mark.parametrize(
    ("content", "filename", "code"),
    [
        (b"", "a.png", "empty_image_file"),
        (b"https://example.com/a.png", None, "invalid_image_format"),
        (b"PIC", "a.png", "image_parse_error"),
        (b"BOMB", "a.png", "image_too_large"),
    ],
)
async def test_no_picture_is_refused_by_the_fields_name(door, content, filename, code):
    error = await refusal(door, body(part("mask[]", content, filename)), files=frozenset({"mask"}))
    assert (type(error), error.param, error.code) == (InvalidImage, "mask", code)


async def test_a_picture_is_refused_before_the_next_part_is_read(door):
    receive = sending([part("image", b"PIC", "a") + part("n", ""), part("user", "")])
    assert (await refusal(door, receive)).code == "image_parse_error"
    assert (await receive())["more_body"]


@pytest.mark.parametrize("memory", [1000, 1_000_000])
@pytest.mark.parametrize(("magic", "left"), [(b"BOMB", 7), (b"%PDF", 7), (b"PIC?", 0)])
async def test_a_file_is_refused_early_only_when_its_head_condemns_it(door, memory, magic, left):
    pieces = [part("image", magic, "a.png")[:-2], *[bytes(30_000)] * 10, b"\r\n" + body()]
    receive = sending(pieces)
    await refusal(with_limits(door, memory=memory), receive)
    unread = 0
    while (await receive())["type"] == "http.request":
        unread += 1
    assert unread == (left + 2 if left else 1)


async def test_a_large_picture_passes_the_early_look(door):
    data = picture(1_000_000)
    sent = body(part("image", data, "a.png"))
    pieces = [sent[start : start + 65_536] for start in range(0, len(sent), 65_536)]
    assert await door.told(pieces) == ([], [("image", "a.png", data, INFO)])
