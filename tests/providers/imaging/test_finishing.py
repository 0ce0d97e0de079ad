import base64
import dataclasses

import pytest
from msgspec import structs

from tests.providers.kit import opened, photo
from tests.upstream.wire import Wire, upstream
from torana.config.upstreams import Account
from torana.core.content import Encoded, OutputFormat, Picture, Size
from torana.core.errors import UpstreamError
from torana.dialects.steps import Drawn, Inline, Link
from torana.families.images import GENERATE, ImageRequest
from torana.media.marks import SourceType, mark
from torana.providers.base import Lent
from torana.providers.imaging.finishing import Finishing

pytestmark = pytest.mark.asyncio(loop_scope="session")
PNG = photo(64, 48).data
REQUEST = ImageRequest("m", (photo(),), size=Size(64, 48))


def finishing(lent: Lent, request: ImageRequest = REQUEST, **account: object) -> Finishing:
    return Finishing(lent, Account(type="x", **account), request, "ada")  # type: ignore[arg-type]  # the test's own


async def test_what_is_right_stays_as_it_is(lent: Lent) -> None:
    (one,), lost = await finishing(lent).all_of([Drawn((PNG,), revised_prompt="words")])
    assert (one.picture.data, one.resized, one.converted, one.made) == (PNG, False, False, Size(64, 48))
    assert one.revised_prompt == "words"
    assert lost == []


async def test_what_is_not_is_brought_to_size_and_format(lent: Lent) -> None:
    request = structs.replace(REQUEST, output_format="webp", extensions=frozenset({"output_format"}))
    drawn = [Drawn((photo(128, 128).data, photo(64, 48, "WEBP").data))]
    (large, right), _ = await finishing(lent, request).all_of(drawn)
    assert [opened(each.picture).format for each in (large, right)] == ["WEBP", "WEBP"]
    assert [(each.resized, each.converted, each.made) for each in (large, right)] == [
        (True, True, Size(128, 128)),
        (False, False, Size(64, 48)),
    ]


async def test_what_is_no_picture_is_lost_and_paid_for(lent: Lent) -> None:
    finished, (lost,) = await finishing(lent).all_of([Drawn((b"<svg/>", PNG))])
    assert [each.picture.data for each in finished] == [PNG]
    assert isinstance(lost, UpstreamError)
    assert (lost.code, lost.spent) == ("upstream_invalid_reply", True)


@pytest.mark.parametrize(
    ("operation", "images", "kind"), [("", (photo(),), SourceType.REWORKED), (GENERATE, (), SourceType.MADE)]
)
async def test_a_picture_says_how_it_came_to_be(
    lent: Lent, operation: str, images: tuple[object, ...], kind: SourceType
) -> None:
    request = structs.replace(REQUEST, operation=operation, images=images)
    marking = dataclasses.replace(lent, mark=True)
    (one,), _ = await finishing(marking, request).all_of([Drawn((PNG,))])
    assert one.picture.data == mark(PNG, kind)
    opened(one.picture)


@pytest.mark.parametrize(("status", "bad"), [(503, b""), (200, b"<html>In a moment</html>")])
async def test_a_link_is_tried_three_times(lent: Lent, status: int, bad: bytes) -> None:
    asked: list[str] = []

    async def script(wire: Wire) -> None:
        while True:
            asked.append((await wire.request()).line)
            good = len(asked) > 2
            body = PNG if good else bad
            head = b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (200 if good else status, len(body))
            await wire.say(head + body)

    async with upstream(script) as up:
        link = Link(f"http://{up.host}/a.png")
        (one,), lost = await finishing(lent, download_hosts=("127.0.0.1",)).all_of([Drawn((link,))])
    assert (one.picture.data, lost, len(asked)) == (PNG, [], 3)


INLINE = Inline(memoryview(base64.b64encode(PNG)))
AS_JSON = structs.replace(REQUEST, response_format="b64_json")


@pytest.mark.parametrize("size", [None, Size(64, 48)])
@pytest.mark.parametrize("marks", [False, True])
async def test_what_is_right_in_base64_is_not_decoded(lent: Lent, size: Size | None, marks: bool) -> None:
    request = structs.replace(AS_JSON, size=size)
    (one,), lost = await finishing(dataclasses.replace(lent, mark=marks), request).all_of([Drawn((INLINE,))])
    assert isinstance(one.picture, Encoded)
    assert one.picture.data == (mark(PNG, SourceType.REWORKED) if marks else PNG)
    assert (one.picture.size, one.picture.info.media_type) == (len(one.picture.data), "image/png")
    assert (one.resized, one.converted, one.made, lost) == (False, False, Size(64, 48), [])


@pytest.mark.parametrize("file_format", ["jpeg", "webp"])
@pytest.mark.parametrize("asked", [frozenset[str](), frozenset({"output_format"})])
async def test_so_are_other_formats_where_they_are_what_is_wanted(
    lent: Lent, file_format: OutputFormat, asked: frozenset[str]
) -> None:
    data = photo(64, 48, file_format.upper()).data
    request = structs.replace(AS_JSON, output_format=file_format, extensions=asked)
    drawn = [Drawn((Inline(memoryview(base64.b64encode(data))),))]
    (one,), lost = await finishing(dataclasses.replace(lent, mark=True), request).all_of(drawn)
    assert isinstance(one.picture, Encoded)
    assert one.picture.data == mark(data, SourceType.REWORKED)
    assert opened(one.picture).format == file_format.upper()
    assert (one.picture.size, one.converted, lost) == (len(one.picture.data), False, [])


@pytest.mark.parametrize(
    "request_",
    [
        structs.replace(AS_JSON, size=Size(32, 24)),
        structs.replace(AS_JSON, output_format="webp", extensions=frozenset({"output_format"})),
        structs.replace(AS_JSON, response_format="url"),
    ],
    ids=["size", "format", "link"],
)
async def test_what_needs_more_is_decoded_first(lent: Lent, request_: ImageRequest) -> None:
    drawn = [Drawn((INLINE, PNG))]
    (one, other), _ = await finishing(lent, request_).all_of(drawn)
    assert isinstance(one.picture, Picture)
    assert one.picture == other.picture


async def test_half_a_picture_in_base64_is_lost_and_the_others_are_not(lent: Lent) -> None:
    half = Inline(memoryview(base64.b64encode(PNG[:-30])))
    broken = Inline(memoryview(b"iVBORw0KGgo*"))
    finished, lost = await finishing(lent, AS_JSON).all_of([Drawn((half, INLINE, broken))])
    assert [each.picture.data for each in finished] == [PNG]
    assert [(type(each), each.spent) for each in lost] == [(UpstreamError, True)] * 2
