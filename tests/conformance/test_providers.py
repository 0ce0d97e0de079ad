"""Every provider of pictures, held to one conduct, over a fixture of its own and a real server on the loopback."""

import asyncio
import itertools
import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from msgspec import structs

from tests.conformance.fixture import FOLDER, Case, Fixture, Gives, load
from tests.conformance.stage import Stage, stage
from tests.providers.kit import CONTEXT, Photo, opened, photo
from torana.config.units import Seconds
from torana.config.upstreams import Account, Timeouts
from torana.core.content import Size
from torana.core.errors import (
    ToranaError,
    UpstreamAuth,
    UpstreamCut,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from torana.core.exchange import Reply, Target
from torana.core.price import Price
from torana.families.images import ImageRequest, Pictures
from torana.providers.base import Lent, declarations

pytestmark = pytest.mark.asyncio(loop_scope="session")

DECLARED = {
    kind: each
    for kind, each in declarations().items()
    if each.abilities and (each.base_url or (FOLDER / f"{kind}.json").exists())
}
WITHOUT = {"echo", "local"}
UNFORESEEN = {("leonardo", "plain"), ("openrouter", "generation")}
"""Cases whose cost nobody knows before the reply tells it: any model of theirs may be asked for."""
FIXTURES: Mapping[str, Fixture] = {kind: load(kind) for kind in DECLARED if (FOLDER / f"{kind}.json").exists()}
CASES = [pytest.param(kind, case, id=f"{kind}-{case.name}") for kind, each in FIXTURES.items() for case in each.cases]
SEED = re.compile(rb'"(?:random_)?seed"\s*:\s*(\d+)|name="(?:random_)?seed"\r\n\r\n(\d+)')
MADE = re.compile(r"\$(?:BASE64|DATA_URI|LINK)\(")
PLAIN = [
    pytest.param(kind, next(case for case in each.cases if case.name == "plain"), id=kind)
    for kind, each in FIXTURES.items()
]
NONSENSE = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"5",
    b'"x"',
    b"<html>",
    b'{"data":5}',
    b'{"error":[]}',
    b"[" * 5000,
    b"\xff\xfe",
]


def source(size: str, mode: str = "RGB") -> Photo:
    width, height = map(int, size.split("x"))
    return photo(width, height, mode=mode)


def request_of(case: Case) -> ImageRequest:
    asked = dict(case.request)
    size = asked.pop("size", None)
    extensions = frozenset(asked.keys() & {"seed", "strength", "output_format"})
    sources = tuple(source(each) for each in case.sources)
    mask = source(case.sources[0], "RGBA") if asked.pop("mask", False) else None
    return ImageRequest(
        operation=case.operation,
        model=case.model,
        images=sources,
        mask=mask,
        size=Size(*map(int, size.split("x"))) if size else None,
        response_format="b64_json",
        extensions=extensions,
        **asked,
    )


def account_of(kind: str, up: Stage, **changes: Any) -> Account:
    fixture = FIXTURES[kind]
    settings: dict[str, Any] = {
        "base_url": f"http://{up.host}{fixture.base_path}",
        "options": fixture.options,
        "poll": Seconds(0.005),
        "download_hosts": (up.host,),
        "timeouts": Timeouts(Seconds(5), Seconds(5), Seconds(10)),
        **changes,
    }
    return Account(type=kind, **settings)


async def ask(lent: Lent, kind: str, case: Case, up: Stage, **changes: Any) -> Reply[Pictures]:
    provider = DECLARED[kind].build(account_of(kind, up, **changes), FIXTURES[kind].key, lent)
    context = structs.replace(CONTEXT, parameters=case.parameters, on_partial=up.shown.append)
    try:
        reply: Reply[Pictures] = await provider.operations[case.operation](request_of(case), case.model, context)
    finally:
        # Jobs are taken back behind the caller's back, and the stage is to be there for that.
        drawing = getattr(provider, "one", provider)
        await asyncio.gather(*vars(drawing)["_conversation"].undoing)
    return reply


async def test_every_vendor_has_a_fixture_with_a_plain_case_and_hosted_ones_show_how_they_refuse() -> None:
    assert DECLARED.keys() - FIXTURES.keys() - WITHOUT == set()
    names = {kind: {case.name for case in each.cases} for kind, each in FIXTURES.items()}
    assert {kind for kind, each in names.items() if "plain" not in each} == set()
    assert {kind for kind, each in names.items() if DECLARED[kind].base_url and "refused" not in each} == set()


@pytest.mark.parametrize(("kind", "case"), CASES)
async def test_the_conversation_is_as_the_fixture_has_it(kind: str, case: Case, lent: Lent) -> None:
    async with stage(case, FIXTURES[kind].key) as up:
        if case.gives.error is not None:
            with pytest.raises(ToranaError) as caught:
                await ask(lent, kind, case, up)
            assert not up.wrong, "\n".join(up.wrong)
            assert failure(caught.value) == dataclass_of(case.gives)
            assert len(up.shown) == case.gives.partials
            return
        reply = await ask(lent, kind, case, up)
    assert not up.wrong, "\n".join(up.wrong)
    assert set(up.used) == set(range(len(case.exchange))), "not all of the conversation took place"
    given = case.gives
    assert len(reply.body.pictures) == given.pictures
    assert all(str(opened(each).size) for each in reply.body.pictures)
    if given.size:
        assert {str(each.info.size) for each in reply.body.pictures} == {given.size}
    assert (set(reply.emulated), set(reply.ignored)) == (set(given.emulated), set(given.ignored))
    assert reply.shortfall == given.shortfall
    assert len(up.shown) == given.partials
    assert (None if reply.usage.cost is None else format(reply.usage.cost.normalize(), "f")) == given.cost


def foreseen(kind: str, case: Case, lent: Lent, **changes: Any) -> Decimal | None:
    account = Account(type=kind, base_url="http://127.0.0.1:9", options=FIXTURES[kind].options, **changes)
    provider = DECLARED[kind].build(account, FIXTURES[kind].key, lent)
    return provider.worst(request_of(case), Target("a", case.model, parameters=tuple(case.parameters.items())))


PAID = [
    pytest.param(kind, case, id=f"{kind}-{case.name}")
    for kind, each in FIXTURES.items()
    for case in each.cases
    if case.gives.cost is not None
]


@pytest.mark.parametrize(("kind", "case"), PAID)
async def test_no_call_costs_more_than_was_foreseen(kind: str, case: Case, lent: Lent) -> None:
    """What it costs in the fixture is what the reply says it did: the conversation's own test sees to that."""
    cost = Decimal(case.gives.cost or "NaN")
    worst = foreseen(kind, case, lent)
    if (kind, case.name) in UNFORESEEN:
        assert worst is None
        price = Price(dated="2026-11-22", source="the operator", per_image=cost)
        worst = foreseen(kind, case, lent, prices={case.model: price})
    assert worst is not None
    assert worst >= cost
    assert (worst == 0) == (cost == 0)


def failure(error: ToranaError) -> dict[str, object]:
    return {
        "type": type(error).__name__,
        "code": error.code,
        "param": error.param,
        "retry_after": error.retry_after,
        "spent": error.spent,
    }


def dataclass_of(given: Gives) -> dict[str, object]:
    assert given.error is not None
    return {name: getattr(given.error, name) for name in ("type", "code", "param", "retry_after", "spent")}


def reply_with(status: int, body: bytes, **headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status} X",
        f"content-length: {len(body)}",
        *(f"{n.replace('_', '-')}: {v}" for n, v in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.mark.parametrize(("kind", "case"), PLAIN)
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, UpstreamAuth),
        (403, UpstreamError),
        (404, UpstreamError),
        (429, UpstreamRateLimited),
        (500, UpstreamError),
        (503, UpstreamError),
    ],
)
async def test_a_failing_upstream_is_never_the_callers_fault(
    kind: str, case: Case, status: int, error: type[ToranaError], lent: Lent
) -> None:
    async with stage(case, FIXTURES[kind].key, lambda _i, _r: reply_with(status, b"{}", retry_after="3")) as up:
        with pytest.raises(error) as caught:
            await ask(lent, kind, case, up)
    assert caught.value.retry_after == (3.0 if status == HTTP_429 else None)
    assert isinstance(caught.value, UpstreamError)
    assert not caught.value.spent, "nothing was accepted, so nothing was spent"
    assert caught.value.status >= HTTP_429


HTTP_429 = 429


@pytest.mark.parametrize(("kind", "case"), PLAIN)
async def test_nonsense_at_any_step_is_the_upstreams_failure(kind: str, case: Case, lent: Lent) -> None:
    # A reply that is but a status has no words that could be nonsense.
    steps = [index for index, each in enumerate(case.exchange) if each.reply.text != ""]
    for step, nonsense in itertools.product(steps, NONSENSE):
        if nonsense == json.dumps(case.exchange[step].reply.json).encode():
            continue  # this upstream means something by it
        async with stage(case, FIXTURES[kind].key, partial(instead, step, reply_with(200, nonsense))) as up:
            with pytest.raises(UpstreamError):
                await ask(lent, kind, case, up, timeouts=Timeouts(Seconds(1), Seconds(1), Seconds(0.3)))


def instead(step: int, said: bytes, index: int, reply: bytes) -> bytes:
    return said if index == step else reply


@pytest.mark.parametrize(("kind", "case"), PLAIN)
async def test_a_job_that_never_ends_is_given_up(kind: str, case: Case, lent: Lent) -> None:
    """The last reply but one, over and over: a poll that says the job goes on."""
    lines = [(each.expect.method, each.expect.path) for each in case.exchange]
    polls = [i for i in range(1, len(lines)) if lines[i] == lines[i - 1]]
    if not polls:
        pytest.skip("this upstream has no jobs, or its fixture shows none that is waited for")
    waiting = msgspec_replace(case, exchange=case.exchange[: polls[-1]])
    async with stage(waiting, FIXTURES[kind].key) as up:
        with pytest.raises(UpstreamTimeout) as caught:
            await ask(lent, kind, waiting, up, timeouts=Timeouts(Seconds(1), Seconds(1), Seconds(0.3)))
    assert caught.value.spent


@pytest.mark.parametrize(("kind", "case"), PLAIN)
async def test_a_body_that_stops_half_way_may_have_been_charged(kind: str, case: Case, lent: Lent) -> None:
    last = len(case.exchange) - 1
    async with stage(case, FIXTURES[kind].key, lambda i, r: r[: len(r) - 5] if i == last else r) as up:
        with pytest.raises(UpstreamCut) as caught:
            await ask(lent, kind, case, up)
    assert caught.value.spent


@pytest.mark.parametrize(("kind", "case"), PLAIN)
async def test_a_link_that_is_dead_is_the_upstreams_failure(kind: str, case: Case, lent: Lent) -> None:
    async with stage(case, FIXTURES[kind].key, lambda i, r: reply_with(403, b"expired") if i == -1 else r) as up:
        if not any("$LINK(" in json.dumps(each.reply.json) for each in case.exchange):
            pytest.skip("this upstream gives no links")
        with pytest.raises(UpstreamError) as caught:
            await ask(lent, kind, case, up)
    assert caught.value.spent


@pytest.mark.parametrize(("kind", "case"), PLAIN)
async def test_three_pictures_take_the_calls_they_take_and_no_two_have_one_seed(
    kind: str, case: Case, lent: Lent
) -> None:
    abilities = DECLARED[kind].abilities
    ability = abilities.get(case.model) or abilities["*"]
    calls = math.ceil(3 / ability.most)
    three = msgspec_replace(case, request={**case.request, "n": 3, "seed": 7})
    async with stage(three, FIXTURES[kind].key) as up:
        reply = await ask(lent, kind, three, up)
    # Some say more than they are asked for, of which one call takes no more than its own.
    said = sum(len(MADE.findall(json.dumps(each.reply.json))) + bool(each.reply.picture) for each in case.exchange)
    assert min(3, calls * case.gives.pictures) <= len(reply.body.pictures) <= min(3, calls * said)
    assert reply.shortfall == 3 - len(reply.body.pictures)
    assert ("fan-out" in reply.emulated) == (calls > 1)
    assert reply.usage.images == len(reply.body.pictures)
    seeds = [seed for request in up.heard for pair in SEED.findall(request.body) for seed in pair if seed]
    assert len(set(seeds)) == len(seeds) == (calls if ability.most_seed is not None else 0)


def msgspec_replace(case: Case, **changes: Any) -> Case:
    return Case(**{name: getattr(case, name) for name in case.__struct_fields__} | changes)
