"""The official Node client, which sends its forms in ways of its own."""

import base64
import io
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.e2e.gateway import PHOTO, Gateway, token
from tests.e2e.wire import fetch

LOCK = Path(__file__).parent / "node" / "package-lock.json"


@pytest.fixture
def program(node: Path) -> Path:
    return node / "variations.mjs"


def run(program: Path, scenario: str, gateway: Gateway) -> Any:
    done = subprocess.run(
        ["node", program, scenario, gateway.url, token(), PHOTO],
        env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in LOCK.read_text()
    # Some packages say by whom they may be paid.
    assert set(re.findall(r"://([^/]+)", LOCK.read_text())) <= {"github.com"}


@pytest.mark.parametrize("scenario", ["stream", "file", "nameless", "array", "remote", "extensions"])
def test_pictures(program: Path, gateway: Gateway, scenario: str) -> None:
    reply = run(program, scenario, gateway)
    pictures = [base64.b64decode(picture["b64_json"]) for picture in reply["data"]]
    assert [Image.open(io.BytesIO(picture)).size for picture in pictures] == [(64, 64)] * 2
    # The gateway behind `remote` echoes.
    assert len(set(pictures)) == (1 if scenario == "remote" else 2)


def test_links(program: Path, gateway: Gateway) -> None:
    links = [picture["url"] for picture in run(program, "link", gateway)["data"]]
    assert len(set(links)) == 2
    for link in links:
        fetched = fetch(link)
        assert fetched.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(fetched.body)).size == (64, 64)


def test_headers(program: Path, gateway: Gateway) -> None:
    told = run(program, "headers", gateway)
    assert told["target"] == "studio/patchwork"
    assert f'"request_id":"{told["id"]}"' in gateway.log


def test_errors(program: Path, gateway: Gateway) -> None:
    unknown = run(program, "unknown", gateway)
    assert unknown.pop("id").startswith("req_")
    assert unknown == {
        "class": "NotFoundError", "status": 404, "code": "model_not_found", "param": "model",
        "type": "invalid_request_error",
    }  # fmt: skip
    stranger = run(program, "stranger", gateway)
    assert (stranger["class"], stranger["status"], stranger["code"]) == ("AuthenticationError", 401, "invalid_api_key")
