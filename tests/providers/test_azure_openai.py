import json

import pytest

from torana.config.upstreams import Account
from torana.core.errors import Moderated, UpstreamRejected
from torana.core.exchange import Message
from torana.dialects.steps import Ask, Received, Send
from torana.families.images import GENERATE
from torana.providers.azure_openai import door, draw, fault

pytestmark = pytest.mark.asyncio(loop_scope="session")
ACCOUNT = Account(type="azure-openai", base_url="https://acme.openai.azure.com")


async def test_the_older_address_has_deployment_and_version():
    ask = Ask(GENERATE, "pictures eu", 1, prompt="a lighthouse", options={"api_version": "2025-04-01-preview"})
    steps = draw(ask)
    step = next(steps)
    assert isinstance(step, Send)
    assert step.submits
    assert step.message.path == "/openai/deployments/pictures%20eu/images/generations?api-version=2025-04-01-preview"
    body = b"".join(part for part in step.message.body if isinstance(part, bytes))
    assert json.loads(body) == {"prompt": "a lighthouse", "n": 1}
    with pytest.raises(StopIteration) as end:
        steps.send(Received(200, {}, b'{"data": [{"b64_json": "aGVsbG8="}]}'))
    assert end.value.value.pictures == (b"hello",)


@pytest.mark.parametrize(
    ("key", "headers"),
    [("secret", (("api-key", "secret"),)), ("eyJ0.x.y", (("authorization", "Bearer eyJ0.x.y"),)), (None, ())],
)
async def test_keys_and_tokens_go_in_different_headers(lent, key, headers):
    assert await door(ACCOUNT, key, lent).headers(Message("GET", "/", ()), "https://acme.example/") == headers


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "contentFilter"}, Moderated),
        ({"code": "BadRequest", "innererror": {"code": "ResponsibleAIPolicyViolation"}}, Moderated),
        ({"code": "BadRequest", "innererror": {"code": "Other"}}, UpstreamRejected),
        ({"code": "BadRequest", "inner_error": 5}, UpstreamRejected),
    ],
)
async def test_its_filter_tells_itself_in_several_places(error, kind):
    assert isinstance(fault(Received(400, {}, json.dumps({"error": error}).encode())), kind)
