import pytest

from torana.config.upstreams import Account
from torana.core.exchange import Message
from torana.dialects.steps import Ask, Drawn, Send, Steps, empty, get
from torana.families.images import VARY
from torana.providers.base import Lent
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.vendor import Vendor, bearer, header

pytestmark = pytest.mark.asyncio(loop_scope="session")
ACCOUNT = Account(type="x")
MESSAGE = Message("GET", "/", ())


def draw(_ask: Ask) -> Steps:
    received = yield Send(get())
    if not received.body:
        raise empty()
    return Drawn((received.body,))


async def test_doors(lent: Lent) -> None:
    opened = {
        "bearer": await bearer(ACCOUNT, "k", lent).headers(MESSAGE, "http://x"),
        "own": await header("x-key")(ACCOUNT, "k", lent).headers(MESSAGE, "http://x"),
        "word": await header("authorization", "Key")(ACCOUNT, "k", lent).headers(MESSAGE, "http://x"),
        "none": await bearer(ACCOUNT, None, lent).headers(MESSAGE, "http://x"),
        "none of its own": await header("x-key")(ACCOUNT, None, lent).headers(MESSAGE, "http://x"),
    }
    assert opened == {
        "bearer": (("authorization", "Bearer k"),),
        "own": (("x-key", "k"),),
        "word": (("authorization", "Key k"),),
        "none": (),
        "none of its own": (),
    }


async def test_a_star_stands_for_all_models_but_those_that_are_named() -> None:
    named, other = Ability(frozenset({VARY}), most=2), Ability(frozenset({VARY}))
    vendor = Vendor(type="x", summary="X.", draw=draw, abilities={"a": named, "*": other})
    assert (vendor.ability("a"), vendor.ability("b")) == (named, other)
    assert Vendor(type="x", summary="X.", draw=draw, abilities={"a": named}).ability("b") is None
