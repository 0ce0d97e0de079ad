import dataclasses
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs
from msgspec.structs import replace

from tests.providers.kit import CONTEXT, photo
from tests.upstream.wire import Request, Wire, upstream
from torana.config.secrets import Secret
from torana.config.upstreams import Account
from torana.core.clock import FakeClock
from torana.core.content import Size
from torana.core.errors import InvalidRequest, Moderated, UpstreamAuth, UpstreamError
from torana.core.exchange import Context, Reply, Target
from torana.core.price import Price
from torana.dialects.steps import Ask, Drawn, Send, Steps, empty, json_message
from torana.families.images import EDIT, VARY, ImageRequest, Pictures
from torana.providers.base import Lent
from torana.providers.imaging.ability import Ability, Scale
from torana.providers.imaging.artist import Artist, declared
from torana.providers.imaging.vendor import Vendor

pytestmark = pytest.mark.asyncio(loop_scope="session")
PNG = photo(64, 48).data
REQUEST = ImageRequest("m", (photo(),), size=Size(64, 48), n=3)
PRICE = Price(dated="2026-11-22", source="a test", per_image=Decimal("0.04"), per_request=Decimal("0.01"))


def draw(ask: Ask) -> Steps:
    """The reply says with how many pictures it was answered."""
    received = yield Send(json_message("POST", "/draw", {"seed": ask.seed}), submits=True)
    if received.body == b"moderated":
        raise Moderated("no")
    if received.body == b"0":
        raise empty()
    return Drawn((PNG,) * int(received.body))


VENDOR = Vendor(
    type="x",
    summary="X.",
    draw=draw,
    abilities={"*": Ability(frozenset({VARY}), price=PRICE, most_seed=99)},
    needs=frozenset(),
)


async def make(
    lent: Lent,
    *replies: bytes,
    request: ImageRequest = REQUEST,
    vendor: Vendor = VENDOR,
    context: Context = CONTEXT,
    **account: object,
) -> tuple[Reply[Pictures], list[Request]]:
    heard: list[Request] = []
    left = list(replies)

    async def script(wire: Wire) -> None:
        while True:
            heard.append(await wire.request())
            body = left.pop(0)
            status = 500 if body == b"failed" else 200
            await wire.say(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body)

    async with upstream(script) as up:
        settings = Account(type="x", base_url=f"http://{up.host}", parallel=1, **account)  # type: ignore[arg-type]
        reply = await Artist(vendor, settings, None, lent).make(request, "m", context)
    return reply, heard


async def test_as_many_calls_as_it_takes_each_paid_for(lent: Lent) -> None:
    reply, heard = await make(lent, b"1", b"1", b"1", request=structs.replace(REQUEST, seed=98))
    assert len(reply.body.pictures) == 3
    assert [each.body for each in heard] == [b'{"seed":98}', b'{"seed":99}', b'{"seed":0}']
    assert (reply.shortfall, reply.usage.images, reply.usage.cost) == (0, 3, Decimal("0.15"))
    assert set(reply.emulated) == {"prompt", "fan-out", "url"}


@pytest.mark.parametrize("bad", [b"failed", b"moderated", b"0"])
async def test_what_came_is_handed_over_and_nothing_else_is_paid_for(lent: Lent, bad: bytes) -> None:
    reply, _ = await make(lent, b"1", bad, b"1")
    assert len(reply.body.pictures) == 2
    assert (reply.shortfall, reply.usage.images, reply.usage.cost) == (1, 2, Decimal("0.1"))


async def test_with_no_picture_the_callers_own_fault_is_told_first(lent: Lent) -> None:
    with pytest.raises(Moderated) as refused:
        await make(lent, b"failed", b"moderated", b"0")
    assert refused.value.spent, "one of the calls was accepted"
    with pytest.raises(UpstreamError):
        await make(lent, b"failed", b"failed", b"0")


async def test_a_price_of_the_operators_own_goes_first_and_none_is_unknown(lent: Lent) -> None:
    own = Price(dated="2026-11-22", source="our contract", per_image=Decimal("0.02"))
    one = structs.replace(REQUEST, n=1)
    reply, _ = await make(lent, b"1", request=one, prices={"m": own})
    assert (reply.usage.cost, reply.usage.price) == (Decimal("0.02"), "our contract, 2026-11-22")
    unpriced = dataclasses.replace(VENDOR, abilities={"*": Ability(frozenset({VARY}))})
    reply, _ = await make(lent, b"1", request=one, vendor=unpriced)
    assert (reply.usage.cost, reply.usage.price) == (None, None)


async def test_at_worst_it_costs_the_operators_price_else_the_ceiling_else_ours(lent: Lent) -> None:
    def worst(vendor: Vendor, model: str = "m", **account: Any) -> Decimal | None:
        made = Artist(vendor, Account(type="x", base_url="http://127.0.0.1:9", **account), None, lent)
        foreseen = {made.worst(REQUEST, Target("a", model)) for _ in range(2)}
        assert len(foreseen) == 1
        return foreseen.pop()

    assert worst(VENDOR) == Decimal("0.15")
    ceiling = replace(PRICE, per_image=Decimal(1), per_request=None)
    capped = dataclasses.replace(VENDOR, abilities={"*": Ability(frozenset({VARY}), price=PRICE, ceiling=ceiling)})
    assert worst(capped) == 3
    assert worst(capped, prices={"m": replace(PRICE, per_request=None)}) == Decimal("0.12")
    assert worst(capped, "other", prices={"m": PRICE}) == 3
    assert worst(dataclasses.replace(VENDOR, abilities={"known": Ability(frozenset({VARY}), price=PRICE)})) is None


async def test_what_the_model_cannot_do_is_refused_before_anything_is_sent(lent: Lent) -> None:
    with pytest.raises(InvalidRequest, match=r"cannot do images\.edits"):
        await make(lent, request=structs.replace(REQUEST, operation=EDIT))


async def test_without_its_key_an_account_is_not_called(lent: Lent) -> None:
    with pytest.raises(UpstreamAuth) as refused:
        await make(lent, api_key=Secret(env="LOST"))
    assert refused.value.reason == "no_key"
    with pytest.raises(UpstreamAuth):
        await make(lent, vendor=dataclasses.replace(VENDOR, needs=frozenset({"api_key"})))


async def test_what_the_operator_knows_it_to_understand_is_used(lent: Lent) -> None:
    plain = dataclasses.replace(VENDOR, abilities={"*": Ability(frozenset({VARY}))})
    request = structs.replace(REQUEST, n=1, seed=5)
    _, (heard,) = await make(lent, b"1", request=request, vendor=plain)
    assert heard.body == b'{"seed":null}'
    _, (heard,) = await make(lent, b"1", request=request, vendor=plain, extensions=("seed",))
    assert heard.body == b'{"seed":5}'


async def test_a_declaration_says_what_an_account_needs() -> None:
    assert declared(VENDOR).needs == {"base_url"}
    hosted = declared(dataclasses.replace(VENDOR, base_url="https://x.example", needs=frozenset({"api_key"})))
    assert hosted.needs == {"api_key"}
    assert hosted.abilities == VENDOR.abilities


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_stream_is_emulated_where_the_upstream_sent_none(lent: Lent, streamed: bool) -> None:
    def streaming(ask: Ask) -> Steps:
        return structs.replace((yield from draw(ask)), streamed=streamed)

    vendor = dataclasses.replace(VENDOR, draw=streaming)
    reply, _ = await make(lent, b"1", request=structs.replace(REQUEST, n=1, stream=True), vendor=vendor)
    assert ("stream" in reply.emulated) is not streamed


async def test_what_is_known_of_a_model_goes_before_what_the_operator_knows(lent: Lent) -> None:
    told: list[Ask] = []

    def noting(ask: Ask) -> Steps:
        told.append(ask)
        return draw(ask)

    known = Ability(frozenset({VARY}), most_seed=99, strength=Scale(100, 1), formats=frozenset({"jpeg"}))
    vendor = dataclasses.replace(VENDOR, draw=noting, abilities={"*": known})
    request = structs.replace(REQUEST, n=1, seed=105, strength=0.0, output_format="webp")
    await make(lent, b"1", request=request, vendor=vendor, extensions=("seed", "strength", "output_format"))
    assert [(ask.seed, ask.strength, ask.output_format) for ask in told] == [(5, 100, "jpeg")]


async def test_where_one_call_does_not_tell_its_tokens_the_cost_is_unknown(lent: Lent) -> None:
    def telling(ask: Ask) -> Steps:
        return structs.replace((yield from draw(ask)), tokens={} if ask.seed == 1 else {"image_out": 1000})

    price = Price(dated="2026-11-22", source="a test", per_million_tokens={"image_out": Decimal(30)})
    ability = Ability(frozenset({VARY}), price=price, most_seed=99)
    vendor = dataclasses.replace(VENDOR, draw=telling, abilities={"*": ability})
    for seed, cost in ((0, None), (2, Decimal("0.06"))):
        request = structs.replace(REQUEST, n=2, seed=seed)
        reply, _ = await make(lent, b"1", b"1", request=request, vendor=vendor)
        assert reply.usage.cost == cost


async def test_what_came_is_handed_over_before_the_calls_time_is_up(lent: Lent) -> None:
    clock = FakeClock()

    def slow(ask: Ask) -> Steps:
        clock.advance(5)
        return (yield from draw(ask))

    vendor = dataclasses.replace(VENDOR, draw=slow)
    context = structs.replace(CONTEXT, within=10)
    reply, heard = await make(dataclasses.replace(lent, clock=clock), b"1", b"1", vendor=vendor, context=context)
    assert (len(heard), len(reply.body.pictures), reply.shortfall) == (2, 2, 1)


@pytest.mark.parametrize("place", ["evil.example/", "..", "eu west", "eu@x", ""])
async def test_an_option_leads_to_no_other_address(lent: Lent, place: str) -> None:
    vendor = dataclasses.replace(VENDOR, base_url="https://api.{place}.x.example")
    with pytest.raises(ValueError, match=r"options\.place"):
        Artist(vendor, Account(type="x", options={"place": place}), None, lent)
    Artist(vendor, Account(type="x", options={"place": "eu-west_1"}), None, lent)
    Artist(vendor, Account(type="x", base_url="http://h/{odd}/x", options={"place": place}), None, lent)
