import json

import pytest

from torana.config.upstreams import Account
from torana.core.errors import Moderated, UpstreamError, UpstreamRejected
from torana.core.exchange import Message
from torana.core.price import Consumed
from torana.dialects.bedrock import claude_messages
from torana.dialects.steps import Received
from torana.providers.base import declarations
from torana.providers.bedrock import LANGUAGE, door, fault

pytestmark = pytest.mark.asyncio(loop_scope="session")
ACCOUNT = Account(type="bedrock", options={"region": "us-west-2"})
CONVERSATIONS = {"chat.completions", "completions", "messages", "responses"}
URL = "https://bedrock-runtime.us-west-2.amazonaws.com/model/m/invoke"


async def test_a_signature_is_for_bedrock_in_its_region(lent):
    message = Message("POST", "/model/m/invoke", (), (b"{}",))
    signed = dict(await door(ACCOUNT, "AKID:secret", lent).headers(message, URL))
    assert "/us-west-2/bedrock/aws4_request" in signed["authorization"]
    assert await door(ACCOUNT, "api-key", lent).headers(message, URL) == (("authorization", "Bearer api-key"),)
    assert await door(ACCOUNT, None, lent).headers(message, URL) == ()


async def test_of_models_that_draw_only_services_that_are_named_can_be_asked():
    bedrock = declarations()["bedrock"]
    assert all("stability." in model for model in bedrock.abilities)
    drawing = {"images.variations", "images.edits"}
    assert drawing <= bedrock.operations("us.stability.stable-image-control-structure-v1:0")
    assert not drawing & bedrock.operations("some.model")


@pytest.mark.parametrize(
    ("model", "operations"),
    [
        ("some.model-v1:0", CONVERSATIONS | {"messages.count_tokens"}),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/x", CONVERSATIONS | {"messages.count_tokens"}),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", CONVERSATIONS | {"messages.count_tokens"}),
        ("eu.anthropic.claude-of-tomorrow", CONVERSATIONS | {"messages.count_tokens"}),
        ("us.cohere.embed-v4:0", {"embeddings"}),
        ("amazon.titan-embed-text-v2:0", {"embeddings"}),
        ("cohere.rerank-v3-5:0", {"rerank"}),
        ("amazon.rerank-v1:0", {"rerank"}),
    ],
)
async def test_each_model_is_asked_what_it_is_for(model, operations):
    assert LANGUAGE.operations(model) == operations


async def test_claude_is_asked_in_its_own_words():
    assert LANGUAGE.way("messages", "global.anthropic.claude-x") is claude_messages
    assert declarations()["bedrock"].straight == {"messages", "messages.count_tokens", "embeddings", "rerank"}


async def test_a_ranking_is_charged_by_the_call():
    facts = LANGUAGE.facts("cohere.rerank-v3-5:0")
    assert facts is not None
    assert facts.price is not None
    assert str(facts.price.of(Consumed())) == "0.002"


@pytest.mark.parametrize(
    ("status", "kind", "message", "error"),
    [
        (424, "ModelErrorException", "", UpstreamError),
        (400, "ValidationException", "This request has been blocked by our content filters.", Moderated),
        (400, "ValidationException", "image too small", UpstreamRejected),
    ],
)
async def test_a_header_tells_what_went_wrong(status, kind, message, error):
    body = json.dumps({"message": message}).encode()
    assert type(fault(Received(status, {"x-amzn-errortype": kind}, body))) is error
