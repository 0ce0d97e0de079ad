import json

import pytest

from torana.config.upstreams import Account
from torana.core.errors import Moderated, UpstreamError, UpstreamRejected
from torana.core.exchange import Message
from torana.dialects.steps import Received
from torana.providers.base import declarations
from torana.providers.bedrock import door, fault

pytestmark = pytest.mark.asyncio(loop_scope="session")
ACCOUNT = Account(type="bedrock", options={"region": "us-west-2"})
URL = "https://bedrock-runtime.us-west-2.amazonaws.com/model/m/invoke"


async def test_a_signature_is_for_bedrock_in_its_region(lent):
    message = Message("POST", "/model/m/invoke", (), (b"{}",))
    signed = dict(await door(ACCOUNT, "AKID:secret", lent).headers(message, URL))
    assert "/us-west-2/bedrock/aws4_request" in signed["authorization"]
    assert await door(ACCOUNT, "api-key", lent).headers(message, URL) == (("authorization", "Bearer api-key"),)
    assert await door(ACCOUNT, None, lent).headers(message, URL) == ()


async def test_only_services_that_are_named_can_be_asked():
    bedrock = declarations()["bedrock"]
    assert bedrock.closed
    assert all("stability." in model for model in bedrock.models)


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
