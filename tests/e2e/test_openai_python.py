"""The official Python client, which knows nothing of us, gets what it asks for."""

import asyncio
import base64
import io
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from openai import AsyncOpenAI, AuthenticationError, BadRequestError, NotFoundError, OpenAI
from openai.types import ImagesResponse
from PIL import Image, ImageChops, ImageOps, ImageStat

from tests.e2e.gateway import KEY, KEY_ISSUER, PHOTO, PHOTOS, Gateway, token, wait_until
from tests.e2e.wire import fetch

# OpenAI retired its own endpoint, so its client calls the method deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

SMALL: dict[str, Any] = {"size": "64x64", "response_format": "b64_json"}


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=token(), max_retries=0) as opened:
        yield opened


def decoded(reply: ImagesResponse) -> list[bytes]:
    return [base64.b64decode(picture.b64_json or "", validate=True) for picture in reply.data or []]


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures, 0 to 255."""
    fitted = ImageOps.fit(other, one.size)
    return sum(ImageStat.Stat(ImageChops.difference(one, fitted)).mean) / 3


def check_variations(pictures: list[bytes], count: int, side: int) -> None:
    """So many pictures of exactly that size, all different from each other and from the photograph."""
    images = [opened(picture) for picture in pictures]
    assert [image.size for image in images] == [(side, side)] * count
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert min(difference(one, other) for one, other in combinations(images, 2)) > 2
    with Image.open(PHOTO) as photo:
        assert min(difference(image, photo.convert("RGB")) for image in images) > 2


def test_four_variations(client: OpenAI) -> None:
    with PHOTO.open("rb") as photo:
        reply = client.images.create_variation(
            model="vary", image=photo, n=4, size="512x512", response_format="b64_json"
        )
    check_variations(decoded(reply), 4, 512)
    assert isinstance(reply.created, int)


async def test_four_variations_asynchronously(gateway: Gateway) -> None:
    async with AsyncOpenAI(base_url=gateway.url, api_key=token(KEY, "EdDSA", iss=KEY_ISSUER)) as client:
        reply = await client.images.create_variation(
            model="vary", image=PHOTO, n=4, size="256x256", response_format="b64_json"
        )
    check_variations(decoded(reply), 4, 256)


@pytest.mark.parametrize("model", ["vary", "studio/patchwork", "echo", "remote"])
def test_every_way_to_give_a_picture(client: OpenAI, model: str) -> None:
    data = PHOTO.read_bytes()
    given: list[Any] = [
        data,
        PHOTO,
        io.BytesIO(data),
        ("cup.jpg", data),
        ("名前.png", data, "application/octet-stream"),
        [PHOTO, data],
    ]
    for image in given:
        reply = client.images.create_variation(model=model, image=image, **SMALL)
        assert [opened(picture).size for picture in decoded(reply)] == [(64, 64)]


def test_several_pictures_make_one(client: OpenAI) -> None:
    def made(*names: str) -> list[bytes]:
        images: Any = [PHOTOS / f"{name}.jpg" for name in names]
        return decoded(
            client.images.create_variation(model="vary", image=images, **SMALL, extra_body={"seed": 5, "strength": 1})
        )

    assert made("coffee", "chelsea") != made("coffee")
    assert made("coffee", "chelsea") == made("coffee", "chelsea")


def test_links_are_the_default(client: OpenAI) -> None:
    reply = client.images.create_variation(model="vary", image=PHOTO, n=2, size="256x256")
    links = [picture.url or "" for picture in reply.data or []]
    assert len(set(links)) == 2
    for link in links:
        fetched = fetch(link)
        assert (fetched.status, fetched.headers["content-type"]) == (200, "image/png")
        assert opened(fetched.body).size == (256, 256)
        forged = fetch(link[:-4] + "AAAA")
        assert (forged.status, forged.json["error"]["code"]) == (404, "not_found")


def test_links_expire(lab: Gateway) -> None:
    with OpenAI(base_url=f"{lab.url}/v1", api_key=token()) as client:
        reply = client.images.create_variation(model="echo", image=PHOTO, size="256x256")
    link = (reply.data or [])[0].url or ""
    assert fetch(link).status == 200
    wait_until(lambda: fetch(link).status == 404)
    assert "expired" in fetch(link).json["error"]["message"]


def test_the_default_size_is_openai_s(client: OpenAI) -> None:
    reply = client.images.create_variation(model="echo", image=PHOTO, response_format="b64_json")
    assert [opened(picture).size for picture in decoded(reply)] == [(1024, 1024)]


def test_errors_become_the_client_s_own(client: OpenAI, gateway: Gateway) -> None:
    with pytest.raises(BadRequestError) as missing:
        client.images.create_variation(model=None, image=PHOTO)
    assert (missing.value.param, missing.value.code) == ("model", "missing_required_parameter")
    assert missing.value.type == "invalid_request_error"
    with pytest.raises(NotFoundError) as unknown:
        client.images.create_variation(model="dall-e-2", image=PHOTO)
    assert (unknown.value.param, unknown.value.code) == ("model", "model_not_found")
    assert unknown.value.request_id == unknown.value.response.headers["x-request-id"]
    with pytest.raises(BadRequestError) as no_picture:
        client.images.create_variation(model="vary", image=b"no picture")
    assert (no_picture.value.param, no_picture.value.code) == ("image", "invalid_image_format")
    with pytest.raises(AuthenticationError) as stranger:
        client.with_options(api_key="sk-none").images.create_variation(model="vary", image=PHOTO)
    assert stranger.value.code == "invalid_api_key"
    assert gateway.metric("torana_auth_refusals_total") > 0


def test_headers(client: OpenAI) -> None:
    raw = client.images.with_raw_response.create_variation(
        model="remote",
        image=PHOTO,
        **SMALL,
        extra_body={"seed": 1, "mood": "blue"},
        extra_headers={"x-request-id": "mine-1"},
    )
    assert raw.headers["x-request-id"] == "mine-1"
    assert raw.headers["x-torana-model"] == "lab/echo"
    assert set(raw.headers["x-torana-ignored"].split(", ")) == {"seed", "mood"}
    assert [stage.split(";dur=")[0] for stage in raw.headers["server-timing"].split(", ")] == [
        "auth", "read", "attempt", "write",
    ]  # fmt: skip
    assert len(decoded(raw.parse())) == 1


def test_seeds(client: OpenAI) -> None:
    def made(**extra: object) -> list[bytes]:
        reply = client.images.create_variation(model="vary", image=PHOTO, n=2, **SMALL, extra_body=extra)
        return decoded(reply)

    assert made(seed=7) == made(seed=7)
    assert not set(made(seed=7)) & set(made(seed=8))
    assert not set(made()) & set(made())


def test_strength(client: OpenAI) -> None:
    """A weak variation is closer to its source than a strong one."""

    def distance(strength: float) -> float:
        reply = client.images.create_variation(
            model="vary", image=PHOTO, n=4, size="256x256", response_format="b64_json",
            extra_body={"strength": strength, "seed": 3},
        )  # fmt: skip
        with Image.open(PHOTO) as photo:
            source = photo.convert("RGB")
        return sum(difference(opened(picture), source) for picture in decoded(reply))

    assert distance(0.1) < distance(0.5) < distance(1)


@pytest.mark.parametrize(("output_format", "magic"), [("webp", b"RIFF"), ("jpeg", b"\xff\xd8\xff")])
def test_output_formats(client: OpenAI, output_format: str, magic: bytes) -> None:
    extra = {"output_format": output_format}
    for model in ("vary", "echo", "remote"):
        reply = client.images.create_variation(model=model, image=PHOTO, **SMALL, extra_body=extra)
        assert decoded(reply)[0].startswith(magic)


def test_retries_are_counted(client: OpenAI, gateway: Gateway) -> None:
    before = gateway.metric("torana_client_retries_total")
    client.images.create_variation(model="echo", image=PHOTO, **SMALL, extra_headers={"x-stainless-retry-count": "2"})
    assert gateway.metric("torana_client_retries_total") == before + 1
    assert '"client_retry":2' in gateway.log


async def test_ten_calls_at_once(gateway: Gateway) -> None:
    async with AsyncOpenAI(base_url=gateway.url, api_key=token(), max_retries=0) as client:
        calls = [client.images.create_variation(model="vary", image=PHOTO, **SMALL) for _ in range(10)]
        replies = await asyncio.gather(*calls)
    assert len({picture for reply in replies for picture in decoded(reply)}) == 10
