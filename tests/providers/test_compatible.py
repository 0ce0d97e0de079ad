import asyncio
import base64

import pytest

from tests.providers.kit import opened, photo
from tests.providers.lab import OTHER, PNG, TRACE, Answer, encoded, failed, fields, http, lab, linked, parts
from tests.upstream.wire import Request, Wire
from torana.config.secrets import Secret
from torana.config.units import Bytes, Seconds
from torana.config.upstreams import Timeouts
from torana.core.content import Size
from torana.core.errors import (
    InvalidImage,
    InvalidRequest,
    Moderated,
    ToranaError,
    UpstreamAuth,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from torana.core.exchange import Reply
from torana.families.images import Pictures

pytestmark = pytest.mark.asyncio(loop_scope="session")


def data(reply: Reply[Pictures]) -> list[bytes]:
    return [picture.data for picture in reply.body.pictures]


async def test_base64_comes_through_untouched(lent):
    async with lab(lent, encoded(PNG, OTHER)) as there:
        reply = await there.vary(n=2)
    assert data(reply) == [PNG, OTHER]
    assert [picture.info.size for picture in reply.body.pictures] == [Size(64, 48)] * 2
    assert reply.body.created == 1_800_000_000
    assert reply.usage.images == 2
    assert (reply.emulated, reply.ignored, reply.shortfall) == ((), (), 0)


async def test_what_the_upstream_is_asked(lent):
    images = (photo(), photo(50, 40, "JPEG"))
    async with lab(lent, encoded(PNG), extensions=("seed",)) as there:
        await there.vary(images=images, user="grace", seed=7, strength=0.3, extensions=frozenset({"seed", "strength"}))
    assert there.asked.line == "POST /v1/images/variations HTTP/1.1"
    assert fields(there.asked) == {
        "model": "redux",
        "n": "1",
        "response_format": "b64_json",
        "size": "64x48",
        "user": "grace",
        "seed": "7",
    }
    files = [(head, data) for head, data in parts(there.asked) if "content-type" in head]
    assert [data for _, data in files] == [image.data for image in images]
    assert [head for head, _ in files] == [
        {"content-disposition": 'form-data; name="image"; filename="image0.png"', "content-type": "image/png"},
        {"content-disposition": 'form-data; name="image"; filename="image1.jpeg"', "content-type": "image/jpeg"},
    ]
    headers = dict(there.asked.headers)
    assert headers["host"] == there.host
    assert headers["authorization"] == "Bearer lab-key"
    assert headers["traceparent"] == TRACE
    assert int(headers["content-length"]) == len(there.asked.body)
    assert len(headers) == len(there.asked.headers), "a header came twice"
    assert set(headers) == {
        "host", "authorization", "traceparent", "content-length", "content-type", "accept", "accept-encoding",
        "user-agent",
    }  # fmt: skip


async def test_what_need_not_be_said_is_not(lent):
    async with lab(lent, encoded(PNG)) as there:
        there.key = None
        await there.vary(size=None)
    assert fields(there.asked) == {"model": "redux", "n": "1", "response_format": "b64_json"}
    assert "authorization" not in dict(there.asked.headers)


async def test_what_it_does_not_know_is_told_as_ignored(lent):
    async with lab(lent, encoded(PNG), extensions=("seed",)) as there:
        reply = await there.vary(seed=1, strength=1.0, extensions=frozenset({"seed", "strength", "output_format"}))
    assert reply.ignored == ("strength",)


async def test_an_account_whose_key_is_missing_is_not_called(lent):
    async with lab(lent, encoded(PNG), api_key=Secret(env="LAB_KEY")) as there:
        there.key = None
        with pytest.raises(UpstreamAuth) as refused:
            await there.vary()
    assert (refused.value.reason, refused.value.retryable, there.requests) == ("no_key", True, [])


async def test_links_are_ours_to_make(lent):
    async with lab(lent, encoded(PNG)) as there:
        reply = await there.vary(response_format="url")
    assert reply.emulated == ("url",)


def serving(pictures: dict[str, bytes | Answer]) -> Answer:
    """An upstream that answers with links to itself; a picture it does not have is not found."""

    async def answer(wire: Wire, request: Request) -> None:
        method, path, _ = request.line.split()
        if method == "POST":
            host = dict(request.headers)["host"]
            await wire.say(linked(*(f"http://{host}{name}" for name in pictures)))
        elif isinstance(picture := pictures[path], bytes):
            await wire.say(http(picture, 200 if picture else 404, "image/png"))
        else:
            await picture(wire, request)

    return answer


async def test_linked_pictures_are_fetched_without_our_key(lent):
    async with lab(lent, serving({"/a.png?sig=1": PNG, "/b": OTHER}), download_hosts=("127.0.0.1",)) as there:
        reply = await there.vary(n=2)
    assert data(reply) == [PNG, OTHER]
    fetched = {request.line: dict(request.headers) for request in there.requests if request.line.startswith("GET")}
    assert set(fetched) == {"GET /a.png?sig=1 HTTP/1.1", "GET /b HTTP/1.1"}
    assert not any("authorization" in headers or "traceparent" in headers for headers in fetched.values())


async def test_a_picture_may_be_in_the_link_itself(lent):
    async with lab(lent, linked("data:image/png;base64," + base64.b64encode(PNG).decode())) as there:
        assert data(await there.vary()) == [PNG]


async def test_links_to_places_that_nobody_allowed_are_not_followed(lent):
    async with lab(lent, serving({"/a.png": PNG})) as there:
        with pytest.raises(UpstreamError, match="not a link that this gateway follows"):
            await there.vary()
    assert there.asked.line.startswith("POST")


@pytest.mark.parametrize("picture", [b"", b"x" * 20_000], ids=["not found", "too large"])
async def test_a_link_that_leads_nowhere_fails_the_attempt(lent, picture):
    async with lab(lent, serving({"/a.png": picture}), download_hosts=("127.0.0.1",), max_reply=Bytes(10_000)) as there:
        with pytest.raises(UpstreamError, match="could not be fetched"):
            await there.vary()


async def test_one_picture_that_is_lost_leaves_the_others(lent):
    async with lab(lent, serving({"/a": PNG, "/b": b""}), download_hosts=("127.0.0.1",)) as there:
        reply = await there.vary(n=2)
    assert (data(reply), reply.shortfall, reply.usage.images) == ([PNG], 1, 2)


@pytest.mark.parametrize(("sent", "asked", "kept", "shortfall"), [(1, 3, 1, 2), (3, 1, 1, 0), (2, 2, 2, 0)])
async def test_fewer_are_told_and_more_are_left_out(lent, sent, asked, kept, shortfall):
    async with lab(lent, encoded(*[PNG] * sent)) as there:
        reply = await there.vary(n=asked)
    assert (len(data(reply)), reply.shortfall, reply.usage.images) == (kept, shortfall, kept)


async def test_another_size_is_made_the_one_asked_for(lent):
    async with lab(lent, encoded(photo(128, 128).data, PNG)) as there:
        reply = await there.vary(n=2)
    made, right = reply.body.pictures
    assert opened(made).size == (64, 48)
    assert right.data == PNG
    assert reply.emulated == ("resize",)


async def test_left_to_the_upstream_any_size_is_right(lent):
    async with lab(lent, encoded(photo(128, 100).data)) as there:
        reply = await there.vary(size=None)
    assert [picture.info.size for picture in reply.body.pictures] == [Size(128, 100)]
    assert reply.emulated == ()


async def test_another_format_is_made_the_one_asked_for(lent):
    async with lab(lent, encoded(PNG, photo(64, 48, "WEBP").data)) as there:
        reply = await there.vary(n=2, output_format="webp", extensions=frozenset({"output_format"}))
    assert [opened(picture).format for picture in reply.body.pictures] == ["WEBP", "WEBP"]
    assert (reply.emulated, reply.ignored) == (("output_format",), ())
    assert "output_format" not in fields(there.asked)


async def test_a_format_that_the_upstream_makes_is_left_to_it(lent):
    webp = photo(64, 48, "WEBP").data
    async with lab(lent, encoded(webp), extensions=("output_format",)) as there:
        reply = await there.vary(output_format="webp", extensions=frozenset({"output_format"}))
    assert (data(reply), reply.emulated) == ([webp], ())
    assert fields(there.asked)["output_format"] == "webp"


@pytest.mark.parametrize(("sent", "made"), [("GIF", "PNG"), ("JPEG", "JPEG"), ("WEBP", "WEBP")])
async def test_resizing_keeps_the_format_where_we_can_write_it(lent, sent, made):
    async with lab(lent, encoded(photo(100, 100, sent).data)) as there:
        reply = await there.vary()
    assert opened(reply.body.pictures[0]).format == made


async def test_a_format_that_nobody_asked_about_is_left_alone(lent):
    gif = photo(64, 48, "GIF").data
    async with lab(lent, encoded(gif)) as there:
        reply = await there.vary()
    assert data(reply) == [gif]
    assert reply.body.pictures[0].info.media_type == "image/gif"


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (failed(400, param="size", code="invalid_value"), InvalidRequest, "invalid_value"),
        (failed(400, param="image", code="image_too_large"), InvalidImage, "image_too_large"),
        (failed(400, type="image_generation_user_error", code="moderation_blocked"), Moderated, "moderation_blocked"),
        (failed(400, param="model"), UpstreamRejected, "upstream_rejected"),
        (failed(401, code="invalid_api_key"), UpstreamAuth, "upstream_auth"),
        (failed(402), UpstreamRejected, "insufficient_quota"),
        (failed(429, code="insufficient_quota"), UpstreamRejected, "insufficient_quota"),
        (failed(403), UpstreamAuth, "upstream_auth"),
        (failed(404, code="model_not_found"), UpstreamRejected, "upstream_rejected"),
        (failed(408), UpstreamTimeout, "upstream_timeout"),
        (failed(429), UpstreamRateLimited, "rate_limit_exceeded"),
        (failed(500), UpstreamError, "upstream_error"),
        (failed(503), UpstreamError, "upstream_error"),
        (failed(504), UpstreamTimeout, "upstream_timeout"),
        (http("<html>what the upstream says</html>", 502, "text/html"), UpstreamError, "upstream_error"),
        (http(b"", 302, location="http://elsewhere.test/"), UpstreamRejected, "upstream_rejected"),
        (http("<html>what the upstream says</html>", 200, "text/html"), UpstreamError, "upstream_invalid_reply"),
        (http('{"data": [{"b64_json": "what the'), UpstreamError, "upstream_invalid_reply"),
        (http('{"data": [{"b64_json": "what the upstream says!"}]}'), UpstreamError, "upstream_invalid_reply"),
        (http('{"data": []}'), UpstreamError, "upstream_empty_reply"),
        (http('{"data": [{}]}'), UpstreamError, "upstream_empty_reply"),
        (http(""), UpstreamError, "upstream_invalid_reply"),
        (encoded(b"what the upstream says"), UpstreamError, "upstream_invalid_reply"),
        (encoded(PNG[:100]), UpstreamError, "upstream_invalid_reply"),
        (encoded(photo(1001, 1000, "GIF").data), UpstreamError, "upstream_invalid_reply"),
        (encoded(PNG).replace(b"200 OK", b"200 OK\r\ncontent-encoding: gzip"), UpstreamError, "upstream_error"),
        (b"what the upstream says\r\n\r\n", UpstreamError, "upstream_error"),
    ],
)  # fmt: skip
async def test_what_goes_wrong_there_is_told_in_our_own_words(lent, reply, kind, code):
    async with lab(lent, reply) as there:
        with pytest.raises(ToranaError) as raised:
            await there.vary()
    assert (type(raised.value), raised.value.code) == (kind, code)
    assert raised.value.retryable == isinstance(raised.value, UpstreamError)
    for hidden in ("what the", there.host, "lab-key"):
        assert hidden not in raised.value.message
    assert len(there.requests) == 1, "an upstream charges for each call"


async def test_a_picture_that_cannot_be_decoded_is_no_fault_of_the_caller(lent):
    """Its header is fine, so that only the resizing finds out."""
    whole = photo(128, 128).data
    middle = len(whole) // 2
    async with lab(lent, encoded(whole[:middle] + bytes(9) + whole[middle + 9 :])) as there:
        with pytest.raises(UpstreamError) as raised:
            await there.vary()
    assert raised.value.code == "upstream_invalid_reply"


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("0", 0), ("3600", 60), ("soon", None)])
async def test_a_wait_that_the_upstream_asks_for_is_passed_on(lent, header, seconds):
    async with lab(lent, http("{}", 429, retry_after=header)) as there:
        with pytest.raises(UpstreamRateLimited) as raised:
            await there.vary()
    assert raised.value.retry_after == seconds


async def test_a_reply_that_breaks_off(lent):
    async def half(wire: Wire, request: Request) -> None:
        whole = encoded(PNG)
        await wire.say(whole[: len(whole) // 2])
        await wire.hang_up()

    async with lab(lent, half) as there:
        with pytest.raises(UpstreamUnreachable, match="broke off"):
            await there.vary()


async def silent(wire: Wire, request: Request) -> None:
    await wire.gone()


@pytest.mark.parametrize("timeouts", [Timeouts(first_byte=Seconds(0.02)), Timeouts(total=Seconds(0.02))])
async def test_an_upstream_that_never_answers(lent, timeouts):
    async with lab(lent, silent, timeouts=timeouts) as there:
        with pytest.raises(UpstreamTimeout):
            await there.vary()


async def test_a_reply_beyond_all_bounds_is_not_taken_in(lent):
    async with lab(lent, encoded(PNG), max_reply=Bytes(100)) as there:
        with pytest.raises(UpstreamError, match="longer than 100"):
            await there.vary()


async def test_an_upstream_that_is_not_there(lent):
    async with lab(lent, b"") as there:
        pass
    with pytest.raises(UpstreamUnreachable):
        await there.vary()


async def test_who_leaves_takes_the_call_along(lent):
    asked, dropped = asyncio.Event(), asyncio.Event()

    async def answer(wire: Wire, request: Request) -> None:
        asked.set()
        await wire.gone()
        dropped.set()

    async with lab(lent, answer) as there:
        call = asyncio.create_task(there.vary())
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await dropped.wait()
