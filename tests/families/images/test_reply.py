import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx2
import openai
import pytest

from tests.families.sent import Sent
from torana.core.content import Encoded, Picture, PictureInfo, Size
from torana.core.exchange import Partial, Reply, Usage
from torana.families.base import Body
from torana.families.images.reply import REPLY_SCHEMA, Pictures, write_partial, write_pictures
from torana.families.images.request import EDIT, GENERATE, ImageRequest

NOW = 1_800_000_000
INFO = PictureInfo("png", Size(1, 1))
MADE = [Picture(bytes([number]) * 100_000, INFO) for number in range(3)]
ASKED = ImageRequest("paint", prompt="a cat", operation=GENERATE, size=None, response_format="b64_json")
TOKENS = {"text_in": 10, "image_in": 20, "image_out": 300}
USAGE = {
    "input_tokens": 30,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 20},
    "output_tokens": 300,
    "total_tokens": 330,
}


def reply(*revised: str | None, count: int = 1, tokens: Mapping[str, int] | None = None) -> Reply[Pictures]:
    return Reply(Pictures(NOW, tuple(MADE[:count]), revised), usage=Usage(images=count, tokens=tokens or {}))


async def nowhere(picture: Picture) -> str:
    raise AssertionError("nothing is to be published")


async def text(body: Body) -> bytes:
    chunks = body.chunks
    sent = b"".join(chunks if isinstance(chunks, Sequence) else [chunk async for chunk in chunks])
    assert len(sent) == body.length
    return sent


async def written(request: ImageRequest, answer: Reply[Pictures]) -> dict[str, Any]:
    body = await write_pictures(request, answer, nowhere)
    assert body.media_type == "application/json"
    document: dict[str, Any] = json.loads(await text(body))
    return document


def b64(number: int) -> str:
    return base64.b64encode(MADE[number].data).decode()


def test_the_size_of_pictures_is_that_of_their_bytes():
    assert reply(count=3).body.size == 300_000
    assert Pictures(NOW, ()).size == 0


async def test_what_the_model_made_of_the_prompt_is_told_with_each_picture():
    document = await written(ASKED, reply('a "cat"\n\u00fc', None, count=2))
    assert document == {
        "created": NOW,
        "data": [{"b64_json": b64(0), "revised_prompt": 'a "cat"\n\u00fc'}, {"b64_json": b64(1)}],
    }


async def test_tokens_are_told_where_they_were_counted():
    assert (await written(ASKED, reply(tokens=TOKENS)))["usage"] == USAGE
    assert (await written(ASKED, reply(tokens={"image_out": 5})))["usage"]["total_tokens"] == 5
    assert "usage" not in await written(ASKED, reply())


async def test_no_more_is_told_than_the_contract_has():
    document = await written(ASKED, reply("a cat"))
    properties = REPLY_SCHEMA["properties"]
    assert isinstance(properties, dict)
    assert document.keys() <= properties.keys()
    assert document["data"][0].keys() <= properties["data"]["items"]["properties"].keys()


# Events


def streamed(operation: str = GENERATE, **members: Any) -> ImageRequest:
    images = (Sent(),) if operation == EDIT else ()
    return ImageRequest(
        "paint", images, prompt="a cat", operation=operation, **{"stream": True, "size": None, **members}
    )


async def events(request: ImageRequest, answer: Reply[Pictures]) -> list[tuple[str, dict[str, Any]]]:
    body = await write_pictures(request, answer, nowhere)
    assert body.media_type == "text/event-stream"
    blocks = (await text(body)).decode().removesuffix("\n\n").split("\n\n")
    lines = [block.split("\n") for block in blocks]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


@pytest.mark.parametrize(
    ("operation", "name"), [(GENERATE, "image_generation.completed"), (EDIT, "image_edit.completed")]
)
async def test_each_picture_is_an_event(operation, name):
    found = await events(streamed(operation), reply(count=3))
    assert [event for event, _ in found] == [name] * 3
    assert [data.pop("b64_json") for _, data in found] == [b64(0), b64(1), b64(2)]
    assert [data for _, data in found] == [
        {
            "type": name,
            "created_at": NOW,
            "output_format": "png",
            "size": "auto",
            "quality": "auto",
            "background": "auto",
            "usage": None,
        }
    ] * 3


async def test_events_tell_what_was_asked_for():
    wishes = {"quality": "high", "background": "opaque", "style": "vivid"}
    ((_, data),) = await events(streamed(size=Size(64, 32), output_format="webp", wishes=wishes), reply("A cat."))
    told = {name: data[name] for name in ("size", "quality", "background", "output_format", "revised_prompt")}
    assert told == {
        "size": "64x32",
        "quality": "high",
        "background": "opaque",
        "output_format": "webp",
        "revised_prompt": "A cat.",
    }


async def test_usage_is_told_once_so_that_it_can_be_summed_up():
    found = await events(streamed(), reply(count=3, tokens=TOKENS))
    assert [data["usage"] for _, data in found] == [None, None, USAGE]


async def test_a_stream_of_no_pictures_is_empty():
    assert await text(await write_pictures(streamed(), reply(count=0), nowhere)) == b""


async def test_links_are_not_streamed():
    ((_, data),) = await events(streamed(response_format="url"), reply())
    assert data["b64_json"] == b64(0)


Ask = Callable[[openai.OpenAI], Any]


def openais_client(body: Body, sent: bytes) -> openai.OpenAI:
    """OpenAI's client, to which everything is answered with that."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=sent, headers={"content-type": body.media_type})

    transport = httpx2.MockTransport(answer)
    return openai.OpenAI(
        api_key="k", base_url="http://gateway.test", http_client=openai.DefaultHttpxClient(transport=transport)
    )


@pytest.mark.parametrize(
    ("operation", "ask"),
    [
        (GENERATE, lambda client: client.images.generate(model="paint", prompt="a cat", stream=True)),
        (EDIT, lambda client: client.images.edit(model="paint", prompt="a cat", image=b"PNG", stream=True)),
    ],
)
async def test_openais_client_reads_our_events(operation: str, ask: Ask):
    body = await write_pictures(streamed(operation), reply(count=2, tokens=TOKENS), nowhere)
    with openais_client(body, await text(body)) as client, ask(client) as stream:
        found = list(stream)
    assert [event.type.partition(".")[2] for event in found] == ["completed"] * 2
    assert [event.b64_json for event in found] == [b64(0), b64(1)]
    assert [event.created_at for event in found] == [NOW] * 2
    assert found[0].usage is None
    assert found[1].usage.total_tokens == 330
    assert found[1].usage.input_tokens_details.image_tokens == 20


@pytest.mark.parametrize(
    ("operation", "ask"),
    [
        (GENERATE, lambda client: client.images.generate(model="paint", prompt="a cat", stream=True)),
        (EDIT, lambda client: client.images.edit(model="paint", prompt="a cat", image=b"PNG", stream=True)),
    ],
)
async def test_openais_client_reads_our_previews(operation: str, ask: Ask):
    told = streamed(operation, size=Size(64, 32), output_format="webp", wishes={"quality": "high"})
    as_asked = write_partial(told, Partial("QUJD", 0), NOW)
    as_made = write_partial(told, Partial('"\n', 1, "1024x512", "png"), NOW + 1)
    assert as_asked is not None
    assert as_made is not None
    body = await write_pictures(told, reply(), nowhere)
    with openais_client(body, as_asked + as_made + await text(body)) as client, ask(client) as stream:
        first, second, last = list(stream)
    family = last.type.partition(".")[0]
    assert (first.type, first.b64_json, first.partial_image_index) == (f"{family}.partial_image", "QUJD", 0)
    assert (first.size, first.output_format, first.quality, first.background) == ("64x32", "webp", "high", "auto")
    assert (second.b64_json, second.partial_image_index, second.created_at) == ('"\n', 1, NOW + 1)
    assert (second.size, second.output_format) == ("1024x512", "png")


def test_who_asked_for_no_stream_gets_no_preview():
    assert write_partial(streamed(stream=False), Partial("QUJD", 0), NOW) is None


async def test_a_picture_in_base64_leaves_as_it_came():
    data = base64.b64encode(bytes(range(256)) * 100)
    pieces = (memoryview(data)[:8], b"AAAA", memoryview(data)[8:])
    made = Encoded(pieces, INFO)
    answer = Reply(Pictures(NOW, (made, MADE[0])))
    assert answer.body.size == made.size + len(MADE[0].data)
    mixed = await written(ASKED, answer)
    alone = await written(ASKED, Reply(Pictures(NOW, (made,))))
    assert mixed["data"][0] == alone["data"][0] == {"b64_json": b"".join(pieces).decode()}
    body = await write_pictures(ASKED, Reply(Pictures(NOW, (made,))), nowhere)
    assert pieces[2] in list(body.chunks)  # type: ignore[arg-type]  # all of it is at hand
