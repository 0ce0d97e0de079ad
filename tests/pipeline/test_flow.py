import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from tests.policy.rules import NO_RULES, permits
from torana.auth.build import build_authenticator
from torana.auth.directory import Directory
from torana.auth.identity import Identity
from torana.auth.mint import mint
from torana.config.access import Roles
from torana.config.model import Auth, Claims, Issuer
from torana.config.secrets import Secret
from torana.config.upstreams import Idempotency
from torana.core.clock import FakeClock
from torana.core.errors import (
    BudgetExceeded,
    DeadlineExceeded,
    Forbidden,
    InvalidRequest,
    KeyReused,
    ModelNotFound,
    Overloaded,
    ToranaError,
    Unauthenticated,
    UpstreamTimeout,
)
from torana.core.exchange import Answer, Call, Context, Credentials, Opening, Partial, Principal, Reply, Target, Usage
from torana.core.ledger import Closed, Opened
from torana.pipeline.flow import Snapshot, answer
from torana.pipeline.remembering import FORGETFUL, Memory
from torana.policy.access import Access
from torana.policy.cache.rules import UNKEPT, Caching
from torana.policy.guardrails.rules import UNGUARDED, Guards
from torana.policy.idempotency import Replays
from torana.policy.ledger import Ledger
from torana.policy.rulebook import Additions, Rulebook, Ruling
from torana.routing.catalog import Catalog, Offer
from torana.routing.health import Health
from torana.storage.counters.memory import MemoryCounters
from torana.telemetry.record import Record

KEY = b"a secret that is long enough for HS256"
ISSUER = Issuer(
    issuer="us", audience="us", algorithms=("HS256",), secret=Secret(env="KEY"), claims=Claims(models="models")
)
OPERATION = "things.do"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FIRST, SECOND = Target("one", "a"), Target("two", "b")

Do = Callable[["Asked", str, Context], Awaitable[Reply[str]]]


@dataclass(frozen=True)
class Asked:
    model: str
    parts: tuple[bytes, ...] = (b"the question",)
    amounts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Provider:
    operations: dict[str, Do]

    def worst(self, request: "Asked", target: Target) -> Decimal | None:
        return Decimal("0.5")


class Written:
    """A journal in memory."""

    def __init__(self) -> None:
        self.entries: list[Opened | Closed] = []

    def write(self, *entries: Opened | Closed) -> None:
        self.entries += entries


@dataclass
class Journey:
    """All that a journey needs, and what it went past on its way."""

    first: Do
    second: Do
    clock: FakeClock = field(default_factory=FakeClock)
    past: list[str] = field(default_factory=list)
    deadline: float = 60.0
    guards: Guards = UNGUARDED
    caching: Caching = UNKEPT
    memory: Memory = FORGETFUL

    def __post_init__(self) -> None:
        self.replays: Replays[tuple[Target, Reply[Any]]] = Replays(self.clock, Idempotency())
        self.record = Record(self.clock, "req_1", "POST", "/things")
        self.call = Call("req_1", OPERATION, self.shown(), self.read_as("vary"))
        self.ruling = Ruling(Access("all", ()), NO_RULES)
        self.written = Written()

    def shown(self, *models: str) -> Credentials:
        return Credentials(self.token(*models))

    def token(self, *models: str) -> str:
        claims = {"models": list(models or ("*",))}
        return "Bearer " + mint(ISSUER, KEY, subject="ada", ttl=600, claims=claims, now=self.clock.now())

    def read_as(self, model: str) -> Callable[[], Awaitable[Asked]]:
        async def read() -> Asked:
            self.past.append("read")
            return Asked(model)

        return read

    async def go(self) -> Answer[Asked, str]:
        async def fetch(url: str) -> bytes:
            raise NotImplementedError(url)

        offer = Offer(lambda _model: frozenset({OPERATION}), ())
        virtual = {"vary": (FIRST, SECOND), "mute": (Target("silent", "c"),)}
        authenticator = build_authenticator(
            Auth(issuers=(ISSUER,)), {"KEY": KEY.decode()}, clock=self.clock, fetch=fetch
        )
        snapshot = Snapshot(
            identity=Identity(authenticator, Directory(), roles=Roles(), clock=self.clock),
            catalog=Catalog({"one": offer, "two": offer, "silent": Offer(lambda _model: frozenset(), ())}, virtual),
            providers={"one": Provider({OPERATION: self.first}), "two": Provider({OPERATION: self.second})},
            deadline=self.deadline,
            clock=self.clock,
            health=Health(self.clock),
            rulebook=Rulebook(lambda _added: self.ruling, Additions(lambda *_: None)),
            ledger=Ledger(self.written, self.clock),
            replays=self.replays,
            guards=self.guards,
            caching=self.caching,
            memory=self.memory,
        )
        return await answer(self.call, snapshot, self.record)


def replying(body: str = "done") -> Do:
    async def do(asked: Asked, model: str, context: Context) -> Reply[str]:
        return Reply(body, usage=Usage(images=1))

    return do


def failing(error: Exception) -> Do:
    async def do(asked: Asked, model: str, context: Context) -> Reply[str]:
        raise error

    return do


@pytest.fixture
def journey():
    return Journey(replying("first"), replying("second"))


def stages(journey: Journey) -> list[str]:
    return [name for name, _ in journey.record.stages]


async def test_the_whole_way(journey):
    got = await journey.go()
    assert got == Answer(Asked("vary"), Reply("first", usage=Usage(images=1)), FIRST)
    assert stages(journey) == ["auth", "read", "attempt"]
    told = journey.record
    assert (told.operation, told.principal, told.model, told.target) == (OPERATION, "ada", "vary", "one/a")
    assert told.attempts == []


async def test_a_provider_learns_the_model_and_what_it_serves(journey):
    met: list[tuple[Asked, str, Context]] = []

    async def do(asked: Asked, model: str, context: Context) -> Reply[str]:
        met.append((asked, model, context))
        return Reply("done")

    journey.first = do
    with journey.record.span(TRACE, None):
        await journey.go()
    ((asked, model, context),) = met
    assert (asked, model) == (Asked("vary"), "a")
    assert context.caller == "us user:ada"
    assert dict(context.headers)["traceparent"] == TRACE


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer not.a.token", "Basic YTpi"])
async def test_no_byte_of_a_strangers_body_is_read(journey, header):
    journey.call = structs.replace(journey.call, credentials=Credentials(header))
    with pytest.raises(Unauthenticated):
        await journey.go()
    assert journey.past == []
    assert stages(journey) == ["auth"]
    assert journey.record.principal is None


async def test_a_model_that_does_not_exist_is_in_no_record(journey):
    journey.call = structs.replace(journey.call, read=journey.read_as("made-up"), credentials=journey.shown("none"))
    with pytest.raises(ModelNotFound):
        await journey.go()
    assert journey.record.model is None
    assert journey.record.principal == "ada"


async def test_a_model_that_cannot_do_it(journey):
    journey.call = structs.replace(journey.call, read=journey.read_as("mute"))
    with pytest.raises(InvalidRequest) as refused:
        await journey.go()
    assert (refused.value.param, refused.value.code) == ("model", "unsupported_model")


async def test_a_model_beyond_the_callers_leave_is_not_asked(journey):
    journey.first = failing(AssertionError("asked without leave"))
    journey.call = structs.replace(journey.call, credentials=journey.shown("cheap-*"))
    with pytest.raises(Forbidden):
        await journey.go()
    assert journey.past == ["read"]


async def test_a_body_that_breaks_the_contract_ends_the_journey(journey):
    async def read() -> Asked:
        raise InvalidRequest("'n' must be a number.", param="n")

    journey.call = structs.replace(journey.call, read=read)
    with pytest.raises(InvalidRequest):
        await journey.go()
    assert stages(journey) == ["auth", "read"]


async def test_the_next_target_answers_for_one_that_fails(journey):
    journey.first = failing(UpstreamTimeout("slow"))
    got = await journey.go()
    assert (got.reply.body, got.target) == ("second", SECOND)
    assert journey.record.target == "two/b"
    assert journey.record.attempts == [("one/a", "upstream_timeout")]
    assert stages(journey) == ["auth", "read", "attempt", "attempt"]


async def test_the_last_failure_is_the_answer(journey):
    journey.first = failing(UpstreamTimeout("slow"))
    journey.second = failing(Overloaded("full", retry_after=3))
    with pytest.raises(Overloaded):
        await journey.go()
    assert journey.record.attempts == [("one/a", "upstream_timeout"), ("two/b", "overloaded")]
    assert (journey.record.model, journey.record.target) == ("vary", None)


async def test_an_error_of_the_callers_is_tried_nowhere_else(journey):
    journey.first = failing(InvalidRequest("too odd", param="size"))
    journey.second = failing(AssertionError("tried again"))
    with pytest.raises(InvalidRequest):
        await journey.go()
    assert journey.record.attempts == [("one/a", "invalid_value")]


async def test_an_error_without_a_code_is_told_by_its_type(journey):
    journey.second = journey.first = failing(ToranaError("odd"))
    with pytest.raises(ToranaError):
        await journey.go()
    assert journey.record.attempts == [("one/a", "server_error")]


async def test_a_call_has_its_time_and_no_more(journey):
    ended = asyncio.Event()

    async def never(asked: Asked, model: str, context: Context) -> Reply[str]:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    journey.first, journey.deadline = never, 0.01
    with pytest.raises(DeadlineExceeded, match=r"longer than 0\.01 s") as late:
        await journey.go()
    assert ended.is_set()
    assert late.value.spent, "the target was at work"


async def test_the_time_counts_while_the_body_comes(journey):
    async def read() -> Asked:
        await asyncio.Event().wait()
        raise AssertionError

    journey.call, journey.deadline = structs.replace(journey.call, read=read), 0.01
    with pytest.raises(DeadlineExceeded):
        await journey.go()


async def test_the_time_counts_while_it_is_found_out_who_calls(journey, monkeypatch):
    async def forever(identity: Identity, credentials: Credentials) -> Principal:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Identity, "identify", forever)
    journey.deadline = 0.01
    with pytest.raises(DeadlineExceeded):
        await journey.go()
    assert journey.written.entries == []


async def test_whoever_else_ends_a_call_in_that_moment_is_not_silenced(journey):
    async def late(asked: Asked, model: str, context: Context) -> Reply[str]:
        task = asyncio.current_task()
        assert task is not None
        try:
            await asyncio.Event().wait()
        finally:
            task.cancel()
        raise AssertionError

    journey.first, journey.deadline = late, 0.01
    call = asyncio.create_task(journey.go())
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_anothers_timeout_is_not_mistaken_for_ours(journey):
    journey.first = failing(TimeoutError("of some library"))
    with pytest.raises(TimeoutError, match="of some library"):
        await journey.go()


@dataclass(frozen=True)
class Made:
    """A reply that can be kept."""

    size: int = 100


def counting(calls: list[str]) -> Any:
    async def do(asked: Asked, model: str, context: Context) -> Reply[Made]:
        calls.append(model)
        await asyncio.sleep(0)
        return Reply(Made())

    return do


async def test_a_call_with_a_key_is_done_once(journey):
    calls: list[str] = []
    journey.first = counting(calls)
    journey.call = structs.replace(journey.call, key="k1")
    both = await asyncio.gather(journey.go(), journey.go())
    again = await journey.go()
    assert [each.reply for each in (*both, again)] == [Reply(Made())] * 3
    assert sorted(each.replayed for each in both) == [False, True]
    assert again.replayed
    assert journey.record.replayed
    assert (calls, again.target) == (["a"], FIRST)


async def test_without_a_key_every_call_is_done(journey):
    calls: list[str] = []
    journey.first = counting(calls)
    await asyncio.gather(journey.go(), journey.go())
    assert calls == ["a", "a"]


async def test_a_key_is_for_one_request_and_one_who_may_ask_it(journey):
    journey.first = counting([])
    journey.call = structs.replace(journey.call, key="k1")
    await journey.go()

    async def other() -> Asked:
        return Asked("vary", parts=(b"another question",))

    journey.call = structs.replace(journey.call, read=other)
    with pytest.raises(KeyReused):
        await journey.go()
    journey.call = structs.replace(journey.call, credentials=journey.shown("other"))
    with pytest.raises(Forbidden):
        await journey.go()


async def test_what_is_unfinished_is_shown_with_the_request_whichever_target_made_it(journey):
    async def showing(asked: Asked, model: str, context: Context) -> Reply[str]:
        context.on_partial(Partial("QUJD", len(shown)))
        if model == FIRST.model:
            raise UpstreamTimeout("Slow.")
        return Reply("second")

    shown: list[tuple[Asked, Partial]] = []
    journey.first = journey.second = showing
    journey.call = structs.replace(journey.call, on_partial=lambda asked, partial: shown.append((asked, partial)))
    assert (await journey.go()).target == SECOND
    assert shown == [(Asked("vary"), Partial("QUJD", 0)), (Asked("vary"), Partial("QUJD", 1))]


def row_of(journey: Journey) -> tuple[Opened, Closed]:
    """What was written down of the only call."""
    opened, closed = journey.written.entries
    assert isinstance(opened, Opened)
    assert isinstance(closed, Closed)
    assert opened.id == closed.id
    return opened, closed


def priced(cost: str | None) -> Do:
    async def do(asked: Asked, model: str, context: Context) -> Reply[str]:
        price = None if cost is None else Decimal(cost)
        return Reply("done", usage=Usage(images=2, tokens={"image_out": 7}, cost=price, price="a page"))

    return do


async def test_every_call_has_its_row(journey):
    journey.first = priced("0.25")
    await journey.go()
    opened, closed = row_of(journey)
    assert (opened.subject, opened.kind, opened.issuer, opened.model) == ("ada", "user", "us", "vary")
    assert (opened.request_id, opened.operation, opened.charges) == ("req_1", OPERATION, ())
    assert (closed.status, closed.error, closed.target, closed.cost) == (200, None, "one/a", 250_000_000)
    assert (closed.images, closed.tokens, closed.price) == (2, {"image_out": 7}, "a page")


async def test_the_row_is_open_before_anything_can_be_spent(journey):
    async def seen(asked: Asked, model: str, context: Context) -> Reply[str]:
        (opened,) = journey.written.entries
        assert isinstance(opened, Opened)
        return Reply("done")

    journey.first = seen
    await journey.go()


@pytest.mark.parametrize(
    ("read", "models", "status", "code", "model"),
    [
        ("vary", ["other"], 403, "model_not_allowed", "vary"),
        ("made-up", ["*"], 404, "model_not_found", None),
    ],
)
async def test_a_refused_call_has_a_row_too_and_costs_nothing(journey, read, models, status, code, model):
    journey.call = structs.replace(journey.call, read=journey.read_as(read), credentials=journey.shown(*models))
    with pytest.raises(ToranaError):
        await journey.go()
    opened, closed = row_of(journey)
    assert (opened.model, closed.status, closed.error, closed.cost, closed.charged) == (model, status, code, 0, 0)


async def test_a_stranger_has_none(journey):
    journey.call = structs.replace(journey.call, credentials=Credentials(None))
    with pytest.raises(Unauthenticated):
        await journey.go()
    assert journey.written.entries == []


BUDGET = {"name": "all", "limit": Decimal("1.2"), "every": "ever"}


async def spending(journey: Journey) -> None:
    """From here on there is a budget, enough for two calls that may cost half a dollar each."""
    journey.ruling = Ruling(Access("all", ()), permits(budgets=[BUDGET], clock=journey.clock))
    own = journey.ruling.permits.own
    assert isinstance(own, MemoryCounters)
    await own.open("test", (), ())


@pytest.mark.parametrize(
    ("first", "status", "cost", "charged"),
    [
        (priced("0.25"), 200, 250_000_000, 250_000_000),
        (priced(None), 200, None, 500_000_000),
        (failing(InvalidRequest("No.")), 400, 0, 0),
    ],
)
async def test_a_budget_is_charged_what_it_cost_or_all_that_it_may_have(journey, first, status, cost, charged):
    journey.first = first
    await spending(journey)
    with suppress(InvalidRequest):
        await journey.go()
    opened, closed = row_of(journey)
    assert (opened.reserved, [charge.key for charge in opened.charges]) == (500_000_000, ["all  ever"])
    assert (closed.status, closed.cost, closed.charged, closed.settled) == (status, cost, charged, True)


def spent_in_vain() -> Do:
    error = UpstreamTimeout("Too late.")
    error.spent = True
    return failing(error)


async def test_what_was_spent_although_it_failed_is_charged(journey):
    journey.first = journey.second = spent_in_vain()
    await spending(journey)
    with pytest.raises(UpstreamTimeout):
        await journey.go()
    _, closed = row_of(journey)
    assert (closed.status, closed.cost, closed.charged) == (504, None, 1_000_000_000)


async def test_what_a_fallback_made_good_is_charged_twice_and_its_cost_is_not_known(journey):
    journey.first, journey.second = spent_in_vain(), priced("0.25")
    await spending(journey)
    await journey.go()
    _, closed = row_of(journey)
    assert (closed.status, closed.target, closed.cost, closed.charged) == (200, "two/b", None, 750_000_000)


async def test_a_caller_who_leaves_is_charged_with_what_may_be_gone(journey):
    begun = asyncio.Event()

    async def never(asked: Asked, model: str, context: Context) -> Reply[str]:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    journey.first = never
    await spending(journey)
    going = asyncio.create_task(journey.go())
    await begun.wait()
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    _, closed = row_of(journey)
    assert (closed.status, closed.cost, closed.charged) == (499, None, 500_000_000)


async def test_who_has_spent_it_is_told_by_which_budget(journey):
    journey.first = priced("0.5")
    await spending(journey)
    await journey.go()
    await journey.go()
    journey.written.entries.clear()
    with pytest.raises(BudgetExceeded):
        await journey.go()
    _, closed = row_of(journey)
    assert (closed.status, closed.rule, closed.cost, closed.charged) == (429, "all", 0, 0)


async def test_a_replay_costs_nothing(journey):
    journey.first = priced("0.5")
    journey.call = structs.replace(journey.call, key="k1")
    await spending(journey)
    journey.first = counting([])
    await journey.go()
    journey.written.entries.clear()
    await journey.go()
    opened, closed = row_of(journey)
    assert (closed.replayed, closed.status, closed.cost, closed.charged, opened.charges) == (True, 200, 0, 0, ())


async def test_who_leaves_while_he_is_told_is_charged_for_what_was_used():
    told = asyncio.Event()

    async def telling(_request: Asked, _model: str, context: Context) -> Reply[str]:
        context.used(lambda: Usage(tokens={"text_in": 3, "text_out": 2}, cost=Decimal("0.2"), price="a list"))
        await context.open(Opening())(b"once upon a time")
        told.set()
        await asyncio.sleep(60)
        raise AssertionError

    journey = Journey(telling, telling)
    call = asyncio.create_task(journey.go())
    await asyncio.wait_for(told.wait(), 5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    closed = journey.written.entries[-1]
    assert isinstance(closed, Closed)
    assert (closed.status, closed.cost, closed.tokens) == (499, 200_000_000, {"text_in": 3, "text_out": 2})
    assert closed.price == "a list, estimated"
    assert journey.record.usage.cost == Decimal("0.2")
    assert journey.record.first_piece == 0


async def test_what_a_call_used_is_noted():
    usage = Usage(tokens={"text_in": 3}, cost=Decimal("0.2"))

    async def answering(_request: Asked, _model: str, _context: Context) -> Reply[str]:
        return Reply("done", usage=usage)

    journey = Journey(answering, answering)
    await journey.go()
    assert (journey.record.usage, journey.record.first_piece) == (usage, None)
