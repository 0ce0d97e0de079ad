import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec import structs

from tests.providers.lab import failed, http
from tests.providers.language.wayside import ASKED, LANGUAGE, STREAMED, Client, events, vendor, way
from tests.upstream.wire import Wire
from torana.config.secrets import Secret
from torana.config.units import Seconds
from torana.config.upstreams import Account
from torana.config.upstreams import Timeouts as Limits
from torana.core.errors import (
    FirstTokenLate,
    InvalidRequest,
    ToranaError,
    UpstreamAuth,
    UpstreamCut,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from torana.core.exchange import Message, Target, Wishes
from torana.core.price import Price
from torana.dialects.steps import Received
from torana.dialects.ways import Answered, Consumption
from torana.families.language.messages import COUNT, VOICE
from torana.families.language.messages.operations import read_count
from torana.providers.base import Lent
from torana.providers.language import Facts, Language, language_only
from torana.providers.language.estimating import estimated
from torana.upstream.client import Client as UpstreamClient
from torana.upstream.client import Origin, Response, Timeouts

pytestmark = pytest.mark.asyncio(loop_scope="session")
PRICE = Price(dated="2026-11-22", source="here", per_million_tokens={"text_in": Decimal(1), "text_out": Decimal(10)})
PRICED: Any = {"prices": {"wordy": PRICE}}


async def test_a_whole_answer(lent: Lent) -> None:
    client = Client()
    async with vendor(lent, http('{"said": "hello"}'), **PRICED) as up:
        reply = await up.say(client=client, parameters={"top": 1}, forwarded=(("x-beta", "b"),), headers=(("t", "1"),))
    assert reply.body.data == b'{"said":"hello"}'
    assert (reply.emulated, reply.ignored) == (("politeness",), ("max_tokens",))
    assert reply.usage.tokens == {"text_in": 1, "text_out": 2}
    assert (reply.usage.cost, reply.usage.price) == (Decimal("0.000021"), "here, 2026-11-22")
    assert client.opening is None
    (request,) = up.requests
    headers = dict(request.headers)
    assert (headers["authorization"], headers["x-beta"], headers["t"]) == ("Bearer key", "b", "1")
    assert msgspec.json.decode(request.body) == {"model": "wordy", "words": "hi", "top": 1}


async def test_an_answer_in_pieces(lent: Lent) -> None:
    client = Client()
    async with vendor(lent, events("a", "b", "END", "never"), **PRICED) as up:
        reply = await up.say(STREAMED, client)
    assert b"".join(client.pieces) == b"data: A\n\ndata: B\n\ndata: BYE\n\n"
    assert client.opening is not None
    assert (client.opening.media_type, client.opening.emulated) == ("text/event-stream", ("politeness",))
    assert reply.body.told
    assert reply.usage.tokens == {"text_in": 1, "text_out": 2}


async def test_a_whole_answer_where_pieces_were_asked_for(lent: Lent) -> None:
    client = Client()
    async with vendor(lent, http('{"said": "hello"}')) as up:
        reply = await up.say(STREAMED, client)
    assert not reply.body.told
    assert reply.emulated == ("politeness", "stream")
    assert client.opening is None


async def test_bytes_are_passed_on(lent: Lent) -> None:
    client = Client()
    async with vendor(lent, http(b"\x00\x01sound", kind="audio/mpeg")) as up:
        reply = await up.say(structs.replace(ASKED, operation="audio.speech"), client)
    assert b"".join(client.pieces) == b"\x00\x01sound"
    assert client.opening is not None
    assert client.opening.media_type == "audio/mpeg"
    assert reply.usage.tokens == {"characters": 2}
    assert reply.usage.cost is None


@pytest.mark.parametrize(
    ("answer", "kind", "spent"),
    [
        (failed(401), UpstreamAuth, False),
        (failed(500), UpstreamError, False),
        (http("no json"), UpstreamError, True),
        (events("a"), UpstreamCut, True),
        (http("", kind="text/event-stream"), UpstreamCut, True),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 99\r\n\r\ndata: a\n\n",
            UpstreamError,
            True,
        ),
    ],
)
async def test_failures(lent: Lent, answer: bytes, kind: type[ToranaError], *, spent: bool) -> None:
    async def once(wire: Wire) -> None:
        await wire.say(answer)
        await wire.hang_up()

    async with vendor(lent, once) as up:
        with pytest.raises(kind) as caught:
            await up.say(STREAMED)
    assert caught.value.spent is spent


async def test_nobody_there_costs_nothing(lent: Lent) -> None:
    async with vendor(lent, b"", base_url="http://127.0.0.1:9") as up:
        with pytest.raises(UpstreamUnreachable) as caught:
            await up.say()
    assert not caught.value.spent


async def test_the_first_piece_has_its_own_time(lent: Lent) -> None:
    async def slow(wire: Wire) -> None:
        await wire.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        await wire.gone()

    client = Client()
    async with vendor(lent, slow) as up:
        with pytest.raises(FirstTokenLate) as caught:
            await up.say(STREAMED, client, first_within=0.1)
    assert caught.value.status == 408
    assert client.opening is None


async def test_a_head_that_is_late_is_a_late_first_piece(lent: Lent) -> None:
    async def silent(wire: Wire) -> None:
        await wire.gone()

    async with vendor(lent, silent) as up:
        with pytest.raises(FirstTokenLate) as caught:
            await up.say(STREAMED, first_within=0.1)
        assert caught.value.spent
        with pytest.raises(UpstreamTimeout):
            # Whole answers have no first piece.
            await up.say(ASKED, first_within=0.01, within=0.1)


@dataclass(frozen=True)
class Noting:
    """A client that notes how often it may send."""

    client: UpstreamClient
    noted: list[Timeouts]

    def send(self, message: Message, origin: Origin, **how: Any) -> AbstractAsyncContextManager[Response]:
        self.noted.append(how["timeouts"])
        return self.client.send(message, origin, **how)


async def test_how_often_a_caller_wants_it_sent(lent: Lent) -> None:
    noted: list[Timeouts] = []
    patient = replace(lent, patient=lambda client: Noting(client, noted))
    async with vendor(patient, http('{"said": "hello"}')) as up:
        await up.say(wishes=Wishes(attempts=1, on_statuses=frozenset({429})))
        await up.say()
    assert [(each.sendings, each.again_on) for each in noted] == [(1, frozenset({429})), (None, None)]


async def test_silence_after_the_first_piece_ends_the_call(lent: Lent) -> None:
    async def slow(wire: Wire) -> None:
        await wire.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        await wire.say(b"9\r\ndata: a\n\n\r\n")
        await wire.gone()

    client = Client()
    limits = Limits(Seconds(1), Seconds(0.2), Seconds(5))
    async with vendor(lent, slow, timeouts=limits, **PRICED) as up:
        with pytest.raises(UpstreamTimeout) as caught:
            await up.say(STREAMED, client, first_within=3)
    assert caught.value.spent
    assert client.pieces == [b"data: A\n\n"]
    (used,) = client.used
    assert used().tokens == {"text_in": 1, "text_out": 1}
    assert used().cost == Decimal("0.000011")


async def test_who_leaves_drops_the_upstream(lent: Lent) -> None:
    dropped = asyncio.Event()

    async def endless(wire: Wire) -> None:
        await wire.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        await wire.say(b"9\r\ndata: a\n\n\r\n")
        await wire.gone()
        dropped.set()

    client = Client()
    async with vendor(lent, endless) as up:
        call = asyncio.create_task(up.say(STREAMED, client))
        await asyncio.wait_for(client.seen.wait(), 5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(dropped.wait(), 1)


async def test_a_model_that_cannot(lent: Lent) -> None:
    language = Language(
        ways=LANGUAGE.ways,
        models={"wordy": Facts(frozenset({"audio.speech"}))},
        base_url="http://vendor.example",
    )
    async with vendor(lent, b"", language) as up:
        with pytest.raises(InvalidRequest) as caught:
            await up.say()
    assert caught.value.param == "model"
    assert up.requests == []


async def test_an_account_whose_key_is_missing(lent: Lent) -> None:
    declared = language_only(type="wordy", summary="Words.", language=LANGUAGE)
    account = Account(type="wordy", api_key=msgspec.convert({"env": "NOT_SET"}, Secret))
    provider = declared.build(account, None, lent)
    with pytest.raises(UpstreamAuth) as caught:
        await provider.operations["chat.completions"](ASKED, "wordy", Client().context)
    assert caught.value.reason == "no_key"


async def test_counting_costs_nothing_and_takes_no_tokens(lent: Lent) -> None:
    asked = read_count(b'{"model": "m", "words": "hi", "messages": []}')
    language = Language(ways={COUNT: way}, base_url="http://vendor.example")
    async with vendor(lent, http('{"said": "7"}'), language, **PRICED) as up:
        assert up.provider.worst(asked, Target("wordy", "wordy")) == 0
        reply = await up.say(asked)
    assert reply.usage.cost == 0
    assert not reply.usage.tokens
    assert "tokens" not in asked.amounts


async def test_what_nobody_need_be_asked(lent: Lent) -> None:
    asked = read_count(b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}')
    language = Language(ways={}, reckoned={COUNT: estimated(VOICE)}, base_url="http://vendor.example")
    async with vendor(lent, b"", language) as up:
        reply = await up.say(asked)
    assert up.requests == []
    assert reply.emulated == ("tokens",)
    assert reply.usage.cost == 0
    assert msgspec.json.decode(reply.body.data) == {"input_tokens": 5}


async def test_the_most_that_a_call_may_cost(lent: Lent) -> None:
    target = Target("wordy", "wordy")
    async with vendor(lent, b"", **PRICED) as up:
        assert up.provider.worst(ASKED, target) == Decimal(len(ASKED.raw) + 90) / 10**6
    async with vendor(lent, b"") as up:
        assert up.provider.worst(ASKED, target) is None


async def test_what_opens_the_upstreams_door_is_told_to_nobody(lent: Lent) -> None:
    def fault(received: Received) -> ToranaError:
        return InvalidRequest(received.body.decode(), code="any thing")

    answer = b"HTTP/1.1 400 Bad\r\ncontent-length: 24\r\n\r\nIt was: Bearer operator1"
    async with vendor(lent, answer, replace(LANGUAGE, fault=fault)) as up:
        with pytest.raises(InvalidRequest) as caught:
            await up.say()
    assert (caught.value.message, caught.value.code) == ("It was: Bearer [hidden]", "invalid_value")


async def test_figures_that_cannot_be_true_cost_nothing_beyond_belief(lent: Lent) -> None:
    def boasting(request: Any, at: Any) -> Any:
        used = Consumption({"text_in": 10**30, "text_out": -1}, charged=Decimal("NaN"))
        return structs.replace(way(request, at), plain=lambda received: Answered(received.body, used))

    boasted = Language(ways={"chat.completions": boasting}, base_url="http://vendor.example")
    async with vendor(lent, http("{}"), boasted, **PRICED) as up:
        usage = (await up.say()).usage
    assert (usage.tokens, usage.cost) == ({"text_in": 10**9}, Decimal(1000))


async def test_letters_that_are_none_are_no_answer(lent: Lent) -> None:
    passing = Language(
        ways={
            "chat.completions": lambda request, at: structs.replace(
                way(request, at), plain=lambda it: Answered(it.body)
            )
        },
        base_url="http://vendor.example",
    )
    answer = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n{"\xff"}'
    async with vendor(lent, answer, passing) as up:
        with pytest.raises(UpstreamError) as caught:
            await up.say()
    assert (caught.value.code, caught.value.spent) == ("upstream_invalid_reply", True)
