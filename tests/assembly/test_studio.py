import asyncio
import base64
import dataclasses
import json
import struct

import pytest
import pytest_asyncio

from tests.providers.kit import opened, photo
from tests.upstream.wire import Request, Wire, upstream
from torana.assembly import studio as module
from torana.assembly.studio import studio, warm_up
from torana.core.errors import InvalidImage, InvalidRequest, ModelNotFound, UpstreamAuth, WorkFailed
from torana.media.marks import SourceType, mark
from torana.providers.base import declarations

SHARED_LOOP = pytest.mark.asyncio(loop_scope="session")
FIELDS = {"model": "patchwork", "size": "64x64", "seed": "7", "n": "2", "response_format": "b64_json"}


def nothing() -> None:
    pass


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Two photographs."""
    folder = tmp_path_factory.mktemp("photos")
    for name, made in (("one.png", photo(90, 60)), ("two.jpg", photo(80, 80, "JPEG"))):
        (folder / name).write_bytes(made.data)
    return [folder / "one.png", folder / "two.jpg"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def embedded(tmp_path_factory):
    async with studio(tmp_path_factory.mktemp("spool"), None, None) as place:
        yield place


@SHARED_LOOP
async def test_the_embedded_engine(embedded, photos):
    done: list[int] = []
    pictures = await embedded.vary(photos[:1], FIELDS, on_picture=lambda: done.append(1))
    assert [opened(picture).size for picture in pictures] == [(64, 64)] * 2
    assert pictures[0].data != pictures[1].data
    assert len(done) == 2
    again = await embedded.vary(photos[:1], FIELDS, on_picture=nothing)
    assert again == pictures


@SHARED_LOOP
async def test_photographs_together_are_sources_of_each_picture(embedded, photos):
    alone = await embedded.vary(photos[:1], FIELDS, on_picture=nothing)
    assert await embedded.vary(photos, FIELDS, on_picture=nothing) != alone


@SHARED_LOOP
async def test_fields_are_refused_as_over_http(embedded, photos):
    with pytest.raises(InvalidRequest) as refused:
        await embedded.vary(photos, {**FIELDS, "n": "11"}, on_picture=nothing)
    assert refused.value.param == "n"


@SHARED_LOOP
async def test_what_is_no_photograph_is_named(embedded, photos, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    with pytest.raises(InvalidImage) as refused:
        await embedded.vary([photos[0], text], FIELDS, on_picture=nothing)
    assert refused.value.param == str(text)


@SHARED_LOOP
async def test_a_file_that_is_not_there(embedded, tmp_path):
    with pytest.raises(FileNotFoundError):
        await embedded.vary([tmp_path / "none.png"], FIELDS, on_picture=nothing)


async def test_nothing_is_left_of_it(tmp_path):
    async with studio(tmp_path, None, None):
        pass
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_a_gateway_elsewhere(photos, tmp_path, path):
    seen: list[Request] = []

    async def answer(wire: Wire) -> None:
        seen.append(await wire.request())
        item = {"b64_json": base64.b64encode(photo(64, 64).data).decode()}
        body = json.dumps({"created": 1, "data": [item, item]}).encode()
        await wire.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await wire.gone()

    async with upstream(answer) as up, studio(tmp_path, f"http://{up.host}{path}", "my-token") as place:
        pictures = await place.vary(photos[:1], {**FIELDS, "strength": "0.2"}, on_picture=nothing)
    assert [picture.data for picture in pictures] == [mark(photo(64, 64).data, SourceType.REWORKED)] * 2
    (request,) = seen
    assert request.line == "POST /v1/images/variations HTTP/1.1"
    assert dict(request.headers)["authorization"] == "Bearer my-token"
    for field, value in {**FIELDS, "strength": "0.2"}.items():
        assert f'name="{field}"\r\n\r\n{value}\r\n'.encode() in request.body
    assert photos[0].read_bytes() in request.body


async def test_a_gateway_that_does_not_know_us(photos, tmp_path):
    async def answer(wire: Wire) -> None:
        await wire.request()
        await wire.say(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n")

    async with upstream(answer) as up, studio(tmp_path, f"http://{up.host}", None) as place:
        with pytest.raises(UpstreamAuth):
            await place.vary(photos[:1], FIELDS, on_picture=nothing)


@pytest.mark.parametrize("url", ["gateway.example", "ftp://gateway.example", "https://me:pw@gateway.example"])
async def test_what_is_no_gateways_url_is_told(tmp_path, url):
    with pytest.raises(InvalidRequest) as refused:
        async with studio(tmp_path, url, None):
            pass
    assert refused.value.param == "gateway"


@SHARED_LOOP
async def test_a_model_that_is_not_there(embedded, photos):
    with pytest.raises(ModelNotFound, match="no model 'patchwrk' here, only patchwork"):
        await embedded.vary(photos[:1], {**FIELDS, "model": "patchwrk"}, on_picture=nothing)


async def test_without_the_engine(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "installed", lambda _: False)
    with pytest.raises(InvalidRequest, match=r"pip install torana\[engine\]"):
        async with studio(tmp_path, None, None):
            pass


@SHARED_LOOP
async def test_a_contact_sheet_holds_photographs_and_pictures(embedded, photos):
    pictures = await embedded.vary(photos[:1], FIELDS, on_picture=nothing)
    sheet = await embedded.sheet(photos, pictures, ["made"] * len(pictures))
    width, height = struct.unpack(">II", sheet[16:24])
    assert (width - 10) // 266 == len(photos) + len(pictures)
    assert height == 256 + 18 + 20


async def test_the_engine_is_warmed_up():
    await warm_up()


async def test_an_engine_that_cannot_be_loaded(monkeypatch):
    broken = dataclasses.replace(declarations()["local"], warm="no.such.module:warm")
    monkeypatch.setattr(module, "_declared", lambda _: broken)
    with pytest.raises(WorkFailed, match="cannot be loaded"):
        await warm_up()


@pytest.mark.parametrize("token", ["a\nb", "a\r\nx-evil: 1", "\u00e9"])
async def test_what_is_no_token_is_told(tmp_path, token):
    with pytest.raises(InvalidRequest, match="characters that no token has"):
        async with studio(tmp_path, "http://127.0.0.1:1", token):
            pass
