"""What callers and operators see where made pictures are kept in a bucket."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.e2e.gateway import PHOTO, Gateway, serve, token, wait_until
from tests.e2e.wire import Reply, ask, form, part, post
from tests.storage.objects.s3 import KEY, KEY_ID, S3, s3

CONFIG = """\
providers: {{echo: {{type: echo}}}}
models: {{echo: {{targets: [{{target: echo/echo}}]}}}}
pictures:
  signing_key: {{env: LINKS}}
  store:
    url: {url}
    endpoint: {endpoint}
    region: us-east-1
    key_id: {{env: KEY_ID}}
    key: {{env: KEY}}
    timeout: 2s
"""
ENVIRON = {"LINKS": "a key that all replicas share, long enough", "KEY_ID": KEY_ID, "KEY": KEY}


@pytest.fixture(scope="module")
def service() -> Iterator[S3]:
    with s3() as running:
        yield running


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory, service: S3) -> Iterator[list[Gateway]]:
    """Two gateways that share a bucket and nothing else."""
    place = service.place()
    config = CONFIG.format(url=place.url, endpoint=place.endpoint)
    with ExitStack() as running:
        yield [running.enter_context(serve(tmp_path_factory.mktemp(name), config, ENVIRON)) for name in "ab"]


def made(gateway: Gateway) -> Reply:
    image = part("image", PHOTO.read_bytes(), "a.jpg")
    return ask(gateway.address, post(form(part("model", "echo"), part("size", "256x256"), image), token()))


def behind(link: str, gateway: Gateway) -> Reply:
    """What a gateway says to a link, whoever made it."""
    parts = urlsplit(link)
    return gateway.get(f"{parts.path}?{parts.query}")


def test_any_replica_gives_the_picture_behind_a_link(replicas: list[Gateway], tmp_path: Path) -> None:
    reply = made(replicas[0])
    assert reply.status == 200, reply.body
    link = reply.json["data"][0]["url"]
    for gateway in replicas:
        fetched = behind(link, gateway)
        assert (fetched.status, fetched.headers["content-type"]) == (200, "image/png")
        (tmp_path / "made.png").write_bytes(fetched.body)
        with Image.open(tmp_path / "made.png") as picture:
            assert picture.size == (256, 256)
        assert behind(link[:-4] + "AAAA", gateway).status == 404
        assert not list((gateway.directory / "torana-data" / "pictures").iterdir())


def test_a_service_that_is_down_is_an_error_in_time_and_nothing_more(replicas: list[Gateway], service: S3) -> None:
    gateway = replicas[0]
    link = made(gateway).json["data"][0]["url"]
    service.stop()
    try:
        began = time.monotonic()
        failed: dict[str, Any] = {"made": made(gateway), "fetched": behind(link, gateway)}
        ready = gateway.get("/readyz")
        assert time.monotonic() - began < 10
    finally:
        service.start()
    for reply in failed.values():
        assert (reply.status, reply.json["error"]["code"]) == (500, "storage_failed")
    assert (ready.status, ready.json["checks"]["storage"]) == (503, "failing")
    for hidden in (KEY, KEY_ID, service.url):
        assert hidden not in gateway.log
        assert not any(hidden.encode() in reply.body for reply in failed.values())
    wait_until(lambda: made(gateway).status == 200)
    assert gateway.get("/readyz").status == 200
    assert behind(link, gateway).status == 200
