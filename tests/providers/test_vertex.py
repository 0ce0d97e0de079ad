import json
from dataclasses import replace
from typing import Any

import pytest

from tests.providers.test_gemini import ASKED
from torana.config.secrets import Secret
from torana.config.upstreams import Account
from torana.core.errors import InvalidRequest, UpstreamAuth, UpstreamError, UpstreamRateLimited
from torana.core.exchange import Message
from torana.dialects.steps import Received
from torana.dialects.ways import Asking, At
from torana.families.language.asked import read_request
from torana.families.language.embeddings import read_embeddings
from torana.families.language.voice import Occasion
from torana.providers.base import declarations
from torana.providers.vertex import LANGUAGE, door, fault

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROJECT = "/projects/acme-1/locations/europe-west4/publishers"
GEMINI, CLAUDE = "gemini-3.5-flash", "claude-sonnet-4-5@20250929"


def account(**options: str) -> Account:
    return Account(type="vertex", api_key=Secret(env="GOOGLE"), options={"project": "acme-1", **options})


def ask(operation: str, model: str, *, forwarded: tuple[tuple[str, str], ...] = (), **more: Any) -> Asking:
    raw = json.dumps({"model": "m", **ASKED[operation], **more}).encode()
    request = read_embeddings(raw) if operation == "embeddings" else read_request(operation, raw)
    way = LANGUAGE.way(operation, model)
    assert way is not None
    options = {"project": "acme-1", "location": "europe-west4"}
    return way(request, At(model, Occasion(request, 0, "abc", model), options=options, forwarded=forwarded))


def body(asking: Asking) -> Any:
    return json.loads(b"".join(part for part in asking.message.body if isinstance(part, bytes)))


async def test_a_location_has_an_address_of_its_own(lent):
    for served in (account(), account(location="global")):
        door(served, "ya29.token", lent)
    with pytest.raises(ValueError, match="https://LOCATION-aiplatform"):
        door(account(location="europe-west4"), "ya29.token", lent)


async def test_a_service_accounts_file_must_be_one(lent):
    with pytest.raises(ValueError, match="service account"):
        door(account(), '{"type": "service_account"}', lent)


@pytest.mark.parametrize(("key", "told"), [("metadata", {"proxy": None}), ("AIza-key", {})])
async def test_the_machine_we_run_on_is_asked_without_the_accounts_proxy(lent, key, told):
    seen: list[dict[str, Any]] = []

    def connect(per_host: int, waiting: int = 1000, **more: Any) -> Any:
        seen.append(more)
        return lent.connect(per_host, waiting)

    door(account(), key, replace(lent, connect=connect))
    assert seen == [told]


async def test_a_key_that_is_missing_does_not_stop_the_gateway(lent):
    declarations()["vertex"].build(account(), None, lent)
    assert await door(account(), None, lent).headers(Message("GET", "/", ()), "https://x.example/") == ()


@pytest.mark.parametrize(
    ("operation", "model", "stream", "path"),
    [
        ("chat.completions", GEMINI, False, f"/v1beta1{PROJECT}/google/models/{GEMINI}:generateContent"),
        ("messages", GEMINI, True, f"/v1beta1{PROJECT}/google/models/{GEMINI}:streamGenerateContent?alt=sse"),
        ("messages.count_tokens", GEMINI, False, f"/v1beta1{PROJECT}/google/models/{GEMINI}:countTokens"),
        ("embeddings", "text-embedding-005", False, f"/v1{PROJECT}/google/models/text-embedding-005:predict"),
        (
            "embeddings",
            "gemini-embedding-001",
            False,
            f"/v1beta1{PROJECT}/google/models/gemini-embedding-001:embedContent",
        ),
        ("messages", CLAUDE, False, f"/v1{PROJECT}/anthropic/models/{CLAUDE}:rawPredict"),
        ("messages", CLAUDE, True, f"/v1{PROJECT}/anthropic/models/{CLAUDE}:streamRawPredict"),
        ("messages.count_tokens", CLAUDE, False, f"/v1{PROJECT}/anthropic/models/count-tokens:rawPredict"),
        ("chat.completions", CLAUDE, True, f"/v1{PROJECT}/anthropic/models/{CLAUDE}:streamRawPredict"),
        ("responses", CLAUDE, False, f"/v1{PROJECT}/anthropic/models/{CLAUDE}:rawPredict"),
    ],
)
async def test_each_model_is_asked_where_it_is(operation: str, model: str, stream: bool, path: str):
    told: dict[str, Any] = {"stream": True} if stream else {}
    assert ask(operation, model, **told).message.path == path


async def test_claude_is_asked_in_its_own_words_but_for_the_model():
    headers = (("anthropic-version", "2026-10-21"), ("anthropic-beta", "fine-grained-tool-streaming-2025-05-14"))
    asking = ask("messages", CLAUDE, forwarded=headers, odd_field={"x": 1}, stream=True)
    assert body(asking) == {
        "messages": ASKED["messages"]["messages"],
        "max_tokens": 9,
        "odd_field": {"x": 1},
        "stream": True,
        "anthropic_version": "vertex-2023-10-16",
    }
    assert dict(asking.message.headers)["anthropic-beta"] == "fine-grained-tool-streaming-2025-05-14"
    assert "anthropic-version" not in dict(asking.message.headers)


async def test_who_counts_is_told_for_whom():
    assert body(ask("messages.count_tokens", CLAUDE))["model"] == CLAUDE


async def test_chats_with_claude_are_translated():
    told = body(ask("chat.completions", CLAUDE))
    assert told["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in told
    assert told["messages"][0]["role"] == "user"


async def test_claude_makes_no_vectors():
    assert LANGUAGE.way("embeddings", CLAUDE) is None


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (
            400,
            {"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens: too many"}},
            InvalidRequest,
        ),
        (400, {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "Bad."}}, InvalidRequest),
        (429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}, UpstreamRateLimited),
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, UpstreamError),
        (403, [{"error": {"code": 403, "status": "PERMISSION_DENIED"}}], UpstreamAuth),
        (500, "x", UpstreamError),
    ],
)
async def test_errors_come_in_two_shapes(status: int, said: object, kind: type[Exception]):
    assert isinstance(fault(Received(status, {}, json.dumps(said).encode())), kind)
