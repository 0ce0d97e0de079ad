"""The requests of docs/language.md, as they stand there, to a gateway with the page's own configuration."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance.saying import ANSWER, SOUND
from tests.e2e.gateway import Gateway, serve, token
from tests.e2e.upstreams import upstream

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "language.md").read_text()
STARTS = {"openai": "/v1", "anthropic": "", "cohere": ""}
"""Where the vendors' APIs begin."""


@dataclass(frozen=True)
class Desk:
    gateway: Gateway
    directory: Path

    def run(self, command: str) -> bytes:
        environ = {**os.environ, "GATEWAY": self.gateway.url, "KEY": token()}
        flags = command.replace("curl ", "curl -sS --fail-with-body ")
        done = subprocess.run(
            ["bash", "-ec", flags], cwd=self.directory, env=environ, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    (written,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    document: dict[str, Any] = yaml.safe_load(written)
    del document["auth"]
    with upstream() as vendor:
        for name, account in document["providers"].items():
            account["base_url"] = f"{vendor.url}{STARTS[name]}"
        secrets = {account["api_key"]["env"]: "k" for account in document["providers"].values()}
        with serve(tmp_path_factory.mktemp("page"), yaml.safe_dump(document), secrets) as running:
            yield Desk(running, tmp_path_factory.mktemp("desk"))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("chat/completions", [ANSWER]),
        ("completions", [ANSWER]),
        ("messages", [ANSWER, "input_tokens"]),
        ("responses", [ANSWER]),
        ("embeddings", ["embedding"]),
        ("rerank", ["relevance_score"]),
        ("moderations", ["flagged"]),
        ("audio/speech", [ANSWER]),
    ],
)
def test_the_requests_of_the_page(desk: Desk, path: str, says: list[str]) -> None:
    (block,) = re.findall(rf"^```sh\n(curl \$GATEWAY/v1/{path} .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    told = desk.run(block).decode()
    assert all(words in told for words in says)
    if "--output" in block:
        assert (desk.directory / "hello.mp3").read_bytes() == SOUND


def test_no_request_of_the_page_is_left_out() -> None:
    assert len(re.findall(r"^```sh\n", PAGE, re.MULTILINE)) == 8
