import json
from decimal import Decimal
from typing import Any

import pytest

from torana.core.content import Size
from torana.core.price import Consumed
from torana.dialects.ways import Asking, At
from torana.families.language.asked import read_request
from torana.families.language.embeddings import read_embeddings
from torana.families.language.voice import Occasion
from torana.providers.base import declarations
from torana.providers.gemini import LANGUAGE, MODELS

USER = [{"role": "user", "content": "Hello"}]
ASKED: dict[str, dict[str, Any]] = {
    "chat.completions": {"messages": USER},
    "completions": {"prompt": "Hello"},
    "messages": {"messages": USER, "max_tokens": 9},
    "messages.count_tokens": {"messages": USER},
    "responses": {"input": "Hello"},
    "embeddings": {"input": "Hello"},
}


def ask(operation: str, model: str, **more: Any) -> Asking:
    raw = json.dumps({"model": "m", **ASKED[operation], **more}).encode()
    request = read_embeddings(raw) if operation == "embeddings" else read_request(operation, raw)
    way = LANGUAGE.way(operation, model)
    assert way is not None
    return way(request, At(model, Occasion(request, 0, "abc", model)))


def test_only_the_sharp_models_are_asked_for_a_resolution():
    wanted = Size(2048, 2048)
    asked = {name: ability.canvas.nearest(wanted).resolution for name, ability in MODELS.items()}
    assert {name for name, resolution in asked.items() if resolution} == {
        "gemini-3.1-flash-image",
        "gemini-3-pro-image",
    }


def test_whatever_a_model_is_asked_for_its_price_knows():
    for ability in MODELS.values():
        if ability.price:
            kinds = {ability.kind({}, ability.canvas.nearest(Size(side, side)).resolution) for side in (64, 2048, 4096)}
            assert kinds <= ability.price.by_kind.keys()


@pytest.mark.parametrize(
    ("operation", "stream", "method"),
    [
        ("chat.completions", False, "generateContent"),
        ("chat.completions", True, "streamGenerateContent?alt=sse"),
        ("completions", False, "generateContent"),
        ("messages", True, "streamGenerateContent?alt=sse"),
        ("messages.count_tokens", False, "countTokens"),
        ("responses", False, "generateContent"),
        ("embeddings", False, "batchEmbedContents"),
    ],
)
def test_each_family_has_its_way(operation: str, stream: bool, method: str):
    told = {"stream": True} if stream else {}
    assert ask(operation, "odd name/x", **told).message.path == f"/models/odd%20name%2Fx:{method}"


def test_models_do_what_they_are_made_for():
    assert LANGUAGE.way("embeddings", "gemini-3.5-flash") is None
    assert LANGUAGE.way("chat.completions", "gemini-embedding-2") is None
    declared = declarations()["gemini"]
    assert {"images.edits", "chat.completions", "embeddings"} <= declared.operations("a-model-to-come")
    assert declared.operations("gemini-3.5-flash") >= {"chat.completions", "messages", "responses"}


def test_what_a_talk_costs():
    facts = LANGUAGE.facts("gemini-3.5-flash")
    assert facts is not None
    assert facts.price is not None
    tokens = {"text_in": 1_000_000, "cached_in": 1_000_000, "text_out": 100_000, "reasoning_out": 100_000}
    assert facts.price.of(Consumed(tokens=tokens)) == Decimal("3.45")
