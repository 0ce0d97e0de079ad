"""``torana vary`` with a gateway elsewhere."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.command import end, start
from tests.e2e.gateway import PHOTO, PHOTOS, Gateway, token

COMMAND = ("vary", PHOTO, PHOTOS / "astronaut.jpg", "-n", "2", "--size", "64x64")


def vary(gateway: Gateway, directory: Path, *arguments: str | Path, **environ: str) -> tuple[int, str, str]:
    return end(start(*COMMAND, "--gateway", gateway.url, *arguments, directory=directory, environ=environ))


@pytest.mark.parametrize("model", ["vary", "echo", "remote"])
def test_pictures_from_a_gateway(gateway: Gateway, tmp_path: Path, model: str) -> None:
    code, out, err = vary(gateway, tmp_path, "--model", model, "--token", token(), "--format", "webp", "--json")
    assert (code, err) == (0, "")
    saved = json.loads(out)
    names = ["out/coffee-1.webp", "out/coffee-2.webp", "out/astronaut-1.webp", "out/astronaut-2.webp"]
    assert [told["file"] for told in saved] == names
    for name in names:
        with Image.open(tmp_path / name) as picture:
            assert (picture.format, picture.size) == ("WEBP", (64, 64))


def test_the_same_pictures_as_without_it(gateway: Gateway, tmp_path: Path) -> None:
    code, _, err = vary(gateway, tmp_path, "--model", "vary", "--seed", "5", "--out", "there", TORANA_TOKEN=token())
    assert (code, err) == (0, "")
    code, _, err = end(start(*COMMAND, "--seed", "5", "--out", "here", directory=tmp_path), 120)
    assert (code, err) == (0, "")
    made = {place: [path.read_bytes() for path in sorted((tmp_path / place).iterdir())] for place in ("here", "there")}
    assert made["here"] == made["there"]
    assert len(set(made["here"])) == 4


def test_what_a_gateway_refuses(gateway: Gateway, tmp_path: Path) -> None:
    no_entry = f"{gateway.url} does not accept the token. Give one with --token or in TORANA_TOKEN.\n"
    assert vary(gateway, tmp_path, "--model", "vary") == (1, "", no_entry)
    assert vary(gateway, tmp_path, "--model", "vary", "--token", "sk-none") == (1, "", no_entry)
    no_model = f"{gateway.url} refused the request. Does it serve the model 'parrot'? Name another with --model.\n"
    assert vary(gateway, tmp_path, "--model", "parrot", "--token", token()) == (1, "", no_model)
    code, out, err = vary(gateway, tmp_path, "--model", "vary", "--token", token(), "--size", "9x9")
    assert (code, out) == (2, "")
    assert "'size'" in err
    assert not list(tmp_path.iterdir())
