"""Language by Node's clients: the official one, and Vercel's AI SDK, which puts three others behind one."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.saying import ANSWER, PIECES, TOKENS_IN, TOKENS_OUT
from tests.e2e.gateway import Gateway, serve, token
from tests.e2e.upstreams import ANSWERS, upstream

CONFIG = """\
retries: {{attempts: 1}}
providers:
  o: {{type: openai-compatible, base_url: "{url}/v1"}}
  a: {{type: anthropic, base_url: "{url}", api_key: {{env: VENDOR_KEY}}}}
models:
  chat: {{targets: [{{target: o/good}}]}}
  claude: {{targets: [{{target: a/claude-opus-4-6}}]}}
  half: {{targets: [{{target: o/half}}]}}
"""


@pytest.fixture(scope="module")
def chatting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with (
        upstream() as vendor,
        serve(tmp_path_factory.mktemp("vercel"), CONFIG.format(url=vendor.url), {"VENDOR_KEY": "k"}) as running,
    ):
        yield running


def run(program: Path, gateway: Gateway, *scenario: str) -> Any:
    done = subprocess.run(
        ["node", program, *scenario, gateway.url, token()],
        env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("scenario", ["stream", "translated"])
def test_the_official_client_hears_a_chat_in_pieces(node: Path, chatting: Gateway, scenario: str) -> None:
    told = run(node / "chat.mjs", chatting, scenario)
    assert told["texts"] == list(PIECES)
    assert told["usage"]["total_tokens"] == TOKENS_IN + TOKENS_OUT


def test_the_official_client_runs_tools(node: Path, chatting: Gateway) -> None:
    assert run(node / "chat.mjs", chatting, "tools") == {"text": ANSWER, "results": "rain in Zürich"}


def test_the_official_client_raises_errors(node: Path, chatting: Gateway) -> None:
    unknown = {"class": "NotFoundError", "status": 404, "code": "model_not_found", "param": "model"}
    assert run(node / "chat.mjs", chatting, "unknown") == unknown
    broken = {"class": "APIError", "status": None, "code": "upstream_unreachable", "param": None}
    assert run(node / "chat.mjs", chatting, "broken") == broken


@pytest.mark.parametrize("model", ["chat", "claude"])
@pytest.mark.parametrize("client", ["compatible", "chat", "responses", "anthropic"])
def test_vercels_ai_sdk(node: Path, chatting: Gateway, client: str, model: str) -> None:
    used = [TOKENS_IN, TOKENS_OUT]
    assert run(node / "vercel.mjs", chatting, client, model) == {
        "text": ANSWER,
        "finish": "stop",
        "usage": used,
        "texts": list(PIECES),
        "streamed": used,
        "results": [["weather", ANSWERS, "rain in Zürich"]],
        "last": ANSWER,
    }
