import json

import pytest

from tests.conformance.polyglot import polyglot
from tests.conformance.test_language import Client, request_of
from torana.config.upstreams import Account
from torana.core.exchange import Context
from torana.families.language.chat import CHAT
from torana.providers.base import Lent
from torana.providers.mistral import DECLARATIONS

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_its_own_names(lent: Lent) -> None:
    (declared,) = DECLARATIONS
    assert CHAT.parse is not None
    written = {**json.loads(request_of(CHAT.operation).raw), "seed": 7, "max_completion_tokens": 9, "user": "ada"}
    async with polyglot() as up:
        provider = declared.build(Account(type="mistral", base_url=f"http://{up.host}"), "key", lent)
        reply = await provider.operations[CHAT.operation](
            CHAT.parse(json.dumps(written).encode()), "m", Context("ada", open=Client().open)
        )
    (request,) = up.heard
    body = json.loads(request.body)
    assert (body["random_seed"], body["max_tokens"]) == (7, 9)
    assert body.keys().isdisjoint({"seed", "max_completion_tokens", "user", "stream_options"})
    assert reply.ignored == ("user",)
