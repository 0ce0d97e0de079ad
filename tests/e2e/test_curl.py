"""curl, as a person types it, with every kind of picture."""

import base64
import io
import re
import shutil
import subprocess
from itertools import permutations
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.gateway import PHOTO, PHOTOS, Gateway, token
from tests.e2e.wire import Reply
from tests.media.samples import SIZE, encoded, everything, turned

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

SAMPLES = everything()
FIELDS = {"model": "vary", "n": "2", "image": f"@{PHOTO}"}
FORM = ["-F", "n=1", "-F", "size=64x64", "-F", "response_format=b64_json"]


def curl(gateway: Gateway, *arguments: str, directory: Path | None = None) -> tuple[Reply, str]:
    """curl's reply, and what it tells of the exchange."""
    done = subprocess.run(
        ["curl", "-sS", "-v", "-i", f"{gateway.url}/v1/images/variations",
         "-H", f"Authorization: Bearer {token()}", *arguments],
        cwd=directory, capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    final = re.sub(rb"\AHTTP/1.1 1\d\d.*?\r\n\r\n", b"", done.stdout, flags=re.DOTALL)
    head, _, body = final.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Reply(int(status.split()[1]), headers, body), done.stderr.decode(errors="replace")


def sizes(reply: Reply) -> list[tuple[int, int]]:
    """Of the pictures in a good reply."""
    assert reply.status == 200, reply.body[:1000]
    pictures = [base64.b64decode(picture["b64_json"]) for picture in reply.json["data"]]
    return [Image.open(io.BytesIO(picture)).size for picture in pictures]


@pytest.mark.parametrize("order", list(permutations(FIELDS)), ids=" ".join)
def test_fields_in_any_order(gateway: Gateway, order: tuple[str, ...]) -> None:
    fields = [f"{name}={FIELDS[name]}" for name in order]
    arguments = [part for field in ("size=64x64", *fields, "response_format=b64_json") for part in ("-F", field)]
    assert sizes(curl(gateway, *arguments)[0]) == [(64, 64)] * 2


@pytest.mark.parametrize("model", ["vary", "echo", "remote"])
@pytest.mark.parametrize(
    "sending", [["-H", "Expect: 100-continue"], ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"]]
)
def test_a_large_picture_however_it_is_sent(gateway: Gateway, tmp_path: Path, model: str, sending: list[str]) -> None:
    noise = tmp_path / "noise.png"
    noise.write_bytes(encoded(Image.effect_noise((1300, 1300), 80), "PNG"))
    assert noise.stat().st_size > 1024**2
    reply, told = curl(gateway, *sending, "-F", f"image=@{noise}", *FORM, "-F", f"model={model}")
    assert sizes(reply) == [(64, 64)]
    assert ("HTTP/1.1 100 Continue" in told) == (sending[1] != "Expect:")


def test_chunks_leave_the_length_open(gateway: Gateway) -> None:
    reply, told = curl(gateway, "-H", "Transfer-Encoding: chunked", "-F", f"image=@{PHOTO}", *FORM, "-F", "model=echo")
    assert sizes(reply) == [(64, 64)]
    assert "content-length" not in told.lower().split("< http/1.1")[0]


@pytest.mark.parametrize("model", ["vary", "echo", "remote"])
@pytest.mark.parametrize("name", ["image", "image[]", "image[0]"])
def test_one_picture_or_several_by_any_of_their_names(gateway: Gateway, model: str, name: str) -> None:
    pictures = [f"{name}=@{PHOTOS / 'coffee.jpg'}", f"{name}=@{PHOTOS / 'rocket.jpg'}"]
    for given in (pictures[:1], pictures):
        arguments = [part for picture in given for part in ("-F", picture)]
        assert sizes(curl(gateway, "-F", f"model={model}", *arguments, *FORM)[0]) == [(64, 64)]


@pytest.mark.parametrize(
    "filename", ["照片.jpg", "☕ cup 🐈.jpg", 'a "quoted" name.jpg', "no-extension", "wrong.gif", "x;y,z.jpg"]
)
def test_a_file_of_any_name(gateway: Gateway, tmp_path: Path, filename: str) -> None:
    shutil.copy(PHOTO, tmp_path / "photo.jpg")
    label = filename.replace('"', '\\"')
    for model in ("vary", "echo"):
        arguments = ["-F", f'image=@photo.jpg;filename="{label}"', *FORM, "-F", f"model={model}"]
        assert sizes(curl(gateway, *arguments, directory=tmp_path)[0]) == [(64, 64)]


@pytest.mark.parametrize(
    "label", ["application/octet-stream", "text/plain", "image/gif", "application/json", "non/sense"]
)
def test_a_wrong_label(gateway: Gateway, label: str) -> None:
    for model in ("vary", "echo", "remote"):
        reply, _ = curl(gateway, "-F", f"image=@{PHOTO};type={label}", *FORM, "-F", f"model={model}")
        assert sizes(reply) == [(64, 64)]


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_kind_of_picture(gateway: Gateway, tmp_path: Path, sample: str) -> None:
    tmp_path.joinpath("picture").write_bytes(SAMPLES[sample])
    for model, size in (("vary", "64x64"), ("echo", "256x256")):
        arguments = [
            "-F",
            "image=@picture",
            "-F",
            f"model={model}",
            "-F",
            f"size={size}",
            "-F",
            "response_format=b64_json",
        ]
        width = int(size.split("x")[0])
        assert sizes(curl(gateway, *arguments, directory=tmp_path)[0]) == [(width, width)]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_that_lies_on_its_side(gateway: Gateway, tmp_path: Path, file_format: str, orientation: int) -> None:
    tmp_path.joinpath("picture").write_bytes(turned(file_format, orientation))
    shown = (SIZE.height, SIZE.width) if orientation > 4 else (SIZE.width, SIZE.height)
    for model in ("vary", "echo"):
        arguments = [
            "-F",
            "image=@picture",
            "-F",
            f"model={model}",
            "-F",
            "size=auto",
            "-F",
            "response_format=b64_json",
        ]
        assert sizes(curl(gateway, *arguments, directory=tmp_path)[0]) == [shown]


def test_both_paths_and_a_link(gateway: Gateway, tmp_path: Path) -> None:
    for path in ("/images/variations", "/v1/images/variations"):
        done = subprocess.run(
            ["curl", "-sS", "--fail", f"{gateway.url}{path}", "-H", f"Authorization: Bearer {token()}",
             "-F", "model=vary", "-F", "size=64x64", "-F", f"image=@{PHOTO}"],
            capture_output=True, timeout=60, check=True,
        )  # fmt: skip
        link = re.search(r'"url": *"([^"]+)"', done.stdout.decode())
        assert link is not None
        subprocess.run(["curl", "-sS", "--fail", "-o", "made.png", link[1]], cwd=tmp_path, timeout=60, check=True)
        with Image.open(tmp_path / "made.png") as made:
            assert made.size == (64, 64)
