"""The rows hold facts; what each vendor is asked is in ``tests/conformance``."""

import re

import pytest

from tests.conformance.polyglot import polyglot
from tests.conformance.test_language import Client, request_of
from torana.config.units import URL
from torana.config.upstreams import Account
from torana.core.errors import InvalidRequest
from torana.core.exchange import Context
from torana.providers.base import Lent, declarations
from torana.providers.language.openai import CHAT
from torana.providers.speaking import DECLARATIONS, ROWS, Row, declaration

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.type)
async def test_a_row_is_whole(row: Row) -> None:
    assert re.match(URL, row.base_url)
    assert row.base_url.startswith("https://")
    assert row.summary.endswith(".")
    assert row.offers
    declared = declaration(row)
    assert declared.needs == {"api_key"}
    assert declared.spoken("any")
    assert declared.closed is False


async def test_the_rows_are_in_order_and_found() -> None:
    types = [row.type for row in ROWS]
    assert types == sorted(types)
    assert {declared.type for declared in DECLARATIONS} <= declarations().keys()


async def test_what_a_vendor_does_not_have_is_refused_before_it_is_asked(lent: Lent) -> None:
    (groq,) = (declared for declared in DECLARATIONS if declared.type == "groq")
    request = request_of(CHAT)
    asked = type(request)(CHAT, "m", {}, request.raw[:-1] + b',"logit_bias":{"1":2}}')
    async with polyglot() as up:
        provider = groq.build(Account(type="groq", base_url=f"http://{up.host}"), "key", lent)
        with pytest.raises(InvalidRequest) as caught:
            await provider.operations[CHAT](asked, "m", Context("ada", open=Client().open))
    assert (caught.value.param, caught.value.code) == ("logit_bias", "unsupported_parameter")
    assert up.heard == []


async def test_many_speak_openais_dialect() -> None:
    assert sum(bool(declared.spoken("any")) for declared in declarations().values()) > 45
