import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.policy.rules import NO_LIMITS
from torana.auth.build import build_authenticator
from torana.auth.mint import mint
from torana.config.model import Auth, Claims, Issuer
from torana.config.secrets import Secret
from torana.config.upstreams import Idempotency
from torana.core.clock import FakeClock
from torana.core.errors import (
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
from torana.core.exchange import Answer, Call, Context, Partial, Reply, Target, Usage
from torana.pipeline.flow import Snapshot, answer
from torana.policy.idempotency import Replays
from torana.routing.catalog import Catalog, Offer
from torana.routing.health import Health
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


@dataclass
class Journey:
    """All that a journey needs, and what it went past on its way."""

    first: Do
    second: Do
    clock: FakeClock = field(default_factory=FakeClock)
    past: list[str] = field(default_factory=list)
    deadline: float = 60.0

    def __post_init__(self) -> None:
        self.replays: Replays[tuple[Target, Reply[Any]]] = Replays(self.clock, Idempotency())
        self.record = Record(self.clock, "req_1", "POST", "/things")
        self.call = Call("req_1", OPERATION, self.token(), self.read_as("vary"))

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
        snapshot = Snapshot(
            authenticator=build_authenticator(
                Auth(issuers=(ISSUER,)), {"KEY": KEY.decode()}, clock=self.clock, fetch=fetch
            ),
            catalog=Catalog({"one": offer, "two": offer, "silent": Offer(lambda _model: frozenset(), ())}, virtual),
            providers={"one": Provider({OPERATION: self.first}), "two": Provider({OPERATION: self.second})},
            deadline=self.deadline,
            clock=self.clock,
            health=Health(self.clock),
            limits=NO_LIMITS,
            replays=self.replays,
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
    assert context.caller == "us ada"
    assert dict(context.headers)["traceparent"] == TRACE


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer not.a.token", "Basic YTpi"])
async def test_no_byte_of_a_strangers_body_is_read(journey, header):
    journey.call = replace(journey.call, authorization=header)
    with pytest.raises(Unauthenticated):
        await journey.go()
    assert journey.past == []
    assert stages(journey) == ["auth"]
    assert journey.record.principal is None


async def test_a_model_that_does_not_exist_is_in_no_record(journey):
    journey.call = replace(journey.call, read=journey.read_as("made-up"), authorization=journey.token("none"))
    with pytest.raises(ModelNotFound):
        await journey.go()
    assert journey.record.model is None
    assert journey.record.principal == "ada"


async def test_a_model_that_cannot_do_it(journey):
    journey.call = replace(journey.call, read=journey.read_as("mute"))
    with pytest.raises(InvalidRequest) as refused:
        await journey.go()
    assert (refused.value.param, refused.value.code) == ("model", "unsupported_model")


async def test_a_model_beyond_the_callers_leave_is_not_asked(journey):
    journey.first = failing(AssertionError("asked without leave"))
    journey.call = replace(journey.call, authorization=journey.token("cheap-*"))
    with pytest.raises(Forbidden):
        await journey.go()
    assert journey.past == ["read"]


async def test_a_body_that_breaks_the_contract_ends_the_journey(journey):
    async def read() -> Asked:
        raise InvalidRequest("'n' must be a number.", param="n")

    journey.call = replace(journey.call, read=read)
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

    journey.call, journey.deadline = replace(journey.call, read=read), 0.01
    with pytest.raises(DeadlineExceeded):
        await journey.go()


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
    journey.call = dataclasses.replace(journey.call, key="k1")
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
    journey.call = dataclasses.replace(journey.call, key="k1")
    await journey.go()

    async def other() -> Asked:
        return Asked("vary", parts=(b"another question",))

    journey.call = dataclasses.replace(journey.call, read=other)
    with pytest.raises(KeyReused):
        await journey.go()
    journey.call = dataclasses.replace(journey.call, authorization=journey.token("other"))
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
    journey.call = replace(journey.call, on_partial=lambda asked, partial: shown.append((asked, partial)))
    assert (await journey.go()).target == SECOND
    assert shown == [(Asked("vary"), Partial("QUJD", 0)), (Asked("vary"), Partial("QUJD", 1))]
