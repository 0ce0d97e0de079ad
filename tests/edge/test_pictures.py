import re
from urllib.parse import urlsplit

import pytest
from msgspec import structs

from tests.edge.gate import MADE, SIZE, Answer, Gate, gate
from tests.media.samples import encoded
from tests.media.samples import picture as drawn
from torana.config.model import Pictures, Server, Settings
from torana.config.units import Seconds
from torana.core.content import Picture, PictureInfo
from torana.edge.pictures import Origin

HOST = "http://gateway.test"


async def published(door: Gate, picture: Picture = MADE) -> str:
    """The path and query of a new link."""
    url = await door.links.publish(picture, HOST)
    assert url.startswith(f"{HOST}/pictures/")
    return url.removeprefix(HOST)


@pytest.mark.parametrize(
    ("public_url", "reached_at", "seen"),
    [
        ("https://public.example/", "http://a", "https://public.example"),
        (None, "http://a:1", "http://a:1"),
        (None, None, "http://listening"),
    ],
)
def test_where_links_point(public_url, reached_at, seen):
    assert Origin(public_url, "http://listening").seen_from(reached_at) == seen


async def test_links_point_at_the_public_address(tmp_path):
    async with gate(tmp_path, Settings(server=Server(public_url="https://public.example/ai"))) as door:
        url = await door.links.publish(MADE, HOST)
    assert url.startswith("https://public.example/ai/pictures/")


@pytest.mark.parametrize(
    ("file_format", "extension", "media_type"),
    [("png", "png", "image/png"), ("jpeg", "jpg", "image/jpeg"), ("webp", "webp", "image/webp")],
)
async def test_a_link_gives_the_picture(door, file_format, extension, media_type):
    data = encoded(drawn(), file_format.upper())
    link = await published(door, Picture(data, PictureInfo(file_format, SIZE)))
    assert urlsplit(link).path.endswith(f".{extension}")
    for _ in range(2):
        answer = await door.get(link)
        assert (answer.status, answer.body) == (200, data)
    del answer.headers[-1]
    assert answer.headers == [
        ("content-type", media_type),
        ("content-disposition", "inline"),
        ("cache-control", "private, max-age=3600"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'"),
        ("content-length", str(len(data))),
    ]


async def test_a_large_picture_comes_whole(door):
    data = MADE.data + bytes(range(256)) * 5_000
    answer = await door.get(await published(door, structs.replace(MADE, data=data)))
    assert answer.body == data


async def test_the_head_of_a_picture(door):
    answer = await door.get(await published(door), "HEAD")
    assert (answer.status, answer.header("content-type")) == (200, "image/png")
    assert answer.header("content-length") == str(len(MADE.data))


async def test_a_link_works_until_its_time_is_up(tmp_path):
    async with gate(tmp_path, Settings(pictures=Pictures(ttl=Seconds(60)))) as door:
        link = await published(door)
        door.clock.advance(59)
        answer = await door.get(link)
        assert (answer.status, answer.header("cache-control")) == (200, "private, max-age=1")
        door.clock.advance(1)
        assert (await door.get(link)).status == 404


async def test_links_differ_and_cannot_be_guessed(door):
    links = {await published(door) for _ in range(5)}
    assert len(links) == 5
    for link in links:
        assert re.search(r"[0-9a-f]{32}\.png\?signature=[A-Za-z0-9_-]{43}$", link)


def refused(answer: Answer) -> bytes:
    assert answer.status == 404
    assert answer.error["code"] == "not_found"
    return answer.body


async def test_all_that_is_no_link_of_ours_gets_the_same_answer(door, tmp_path):
    (tmp_path / "outside.png").write_bytes(MADE.data)
    one, other = [await published(door) for _ in range(2)]
    path, _, signature = one.partition("?signature=")
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    forged = [
        f"{path}?signature={flipped}",
        f"{path}?signature={signature}x",
        f"{path}?signature={signature[:-1]}",
        f"{path}?signature=",
        f"{path}?signature=%00%FF",
        f"{path}?signature=x&signature={signature}",
        f"{path}?Signature={signature}",
        f"{path}?{'&'.join(['a=b'] * 100)}",
        path,
        f"{other.partition('?')[0]}?signature={signature}",
        f"{path}x?signature={signature}",
        f"/pictures/x/../{path.rpartition('/')[2]}?signature={signature}",
        f"/pictures/../outside.png?signature={signature}",
        f"/pictures/..%2foutside.png?signature={signature}",
        f"/pictures/%2e%2e%2f%2e%2e%2fetc%2fpasswd?signature={signature}",
        f"/pictures/%00?signature={signature}",
        f"/pictures/%F0%9F%98%80?signature={signature}",
        f"/pictures/?signature={signature}",
        "/pictures/",
        "/pictures/.lock",
    ]
    bodies = {link: refused(await door.get(link)) for link in forged}
    door.clock.advance(10**5)
    bodies["expired"] = refused(await door.get(one))
    assert len(set(bodies.values())) == 1, bodies


async def test_a_signed_name_that_is_not_there_gets_that_answer_too(door):
    link = await published(door)
    unknown = refused(await door.get("/pictures/x"))
    for file in (door.directory / "pictures").glob("*.png"):
        file.unlink()
    assert refused(await door.get(link)) == unknown


async def test_another_key_signs_other_links(door):
    link = await published(door)
    door.links._key = b"a key that came with the last restart"
    assert (await door.get(link)).status == 404


async def test_the_signature_is_not_logged(door):
    link = await published(door)
    await door.get(link)
    line = await door.log.event()
    assert line["path"] == urlsplit(link).path
    assert link.rpartition("=")[2] not in door.log.getvalue()
