import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torana.config.units import Bytes, Seconds
from torana.config.upstreams import Idempotency
from torana.core import errors
from torana.core.clock import FakeClock
from torana.core.content import PictureInfo, Size, Upload
from torana.core.errors import (
    InvalidImage,
    InvalidRequest,
    KeyReused,
    MethodNotAllowed,
    ToranaError,
    UpstreamCut,
    UpstreamRateLimited,
)
from torana.policy.idempotency import ENTRY, Replays, fingerprint

Work = Callable[[], Awaitable[str]]

SETTINGS = Idempotency(ttl=Seconds(600), max_total=Bytes(10 * ENTRY), same_parts=Seconds(0))
WINDOW = Idempotency(ttl=Seconds(600), max_total=Bytes(10 * ENTRY), same_parts=Seconds(5))
PARTS = (b"a request",)
INFO = PictureInfo("png", Size(1, 1))


@dataclass
class Desk:
    """Replays, and how to ask them in short."""

    settings: Idempotency = SETTINGS
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.replays: Replays[str] = Replays(self.clock, self.settings)

    async def ask(
        self, work: Work, key: str | None = "k", *, caller: str = "us ada", parts=PARTS, size: int = 0
    ) -> tuple[str, bool]:
        return await self.replays.once(caller, key, parts=parts, work=work, size_of=lambda text: size)

    async def told(self, work: Work, key: str | None = "k", **kinds) -> bool:
        """Whether the answer is a replay."""
        return (await self.ask(work, key, **kinds))[1]


class Job:
    """Work that ends when a test says so, and knows how often it was begun and called off."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self.begun = 0
        self.cancelled = 0
        self.live = 0
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.cleaned = asyncio.Event()
        if not stubborn:
            self.cleaned.set()

    async def __call__(self) -> str:
        self.begun += 1
        self.live += 1
        try:
            return await asyncio.shield(self.ended)
        except asyncio.CancelledError:
            self.cancelled += 1
            await self.cleaned.wait()
            raise
        finally:
            self.live -= 1


@dataclass(frozen=True)
class File:
    """An upload in pieces."""

    pieces: tuple[bytes, ...]
    filename: str = "a.png"
    info: PictureInfo = INFO

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))

    def at_hand(self) -> None:
        """Never in memory."""

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


class Unread(File):
    """An upload that nobody may look at."""

    def chunks(self) -> AsyncIterator[bytes]:
        raise AssertionError


def counted(text: str = "made") -> tuple[Work, list[str]]:
    done: list[str] = []

    async def work() -> str:
        done.append(text)
        return f"{text} {len(done)}"

    return work, done


def failing(error: Exception) -> tuple[Work, list[Exception]]:
    done: list[Exception] = []

    async def work() -> str:
        done.append(error)
        raise error

    return work, done


def spent(error: ToranaError) -> ToranaError:
    error.spent = True
    return error


async def turns(count: int = 20) -> None:
    """Lets whatever can go on go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_the_second_call_gets_what_the_first_was_told():
    desk = Desk()
    work, done = counted()
    assert await desk.ask(work) == ("made 1", False)
    assert await desk.ask(work) == ("made 1", True)
    assert len(done) == 1


@pytest.mark.parametrize("other", [{"key": "l"}, {"caller": "us bob"}, {"key": "K"}])
async def test_another_key_or_caller_is_another_call(other):
    desk = Desk()
    work, done = counted()
    await desk.ask(work)
    assert not await desk.told(work, **other)
    assert len(done) == 2


async def test_a_reply_is_kept_for_its_time():
    desk = Desk()
    work, _ = counted()
    await desk.ask(work)
    desk.clock.advance(599)
    assert await desk.told(work)
    desk.clock.advance(1)
    assert await desk.ask(work) == ("made 2", False)


# Calls without a key


async def test_without_a_key_every_call_is_its_own_and_its_parts_are_not_read():
    desk = Desk()
    work, done = counted()

    assert [await desk.told(work, None, parts=[Unread(())]) for _ in range(2)] == [False, False]
    assert len(done) == 2


async def test_without_a_key_alike_calls_are_one_for_a_while():
    desk = Desk(WINDOW)
    work, done = counted()
    assert not await desk.told(work, None)
    assert not await desk.told(work, None, parts=(b"another request",))
    desk.clock.advance(4)
    assert await desk.told(work, None)
    assert not await desk.told(work, None, caller="us bob")
    desk.clock.advance(1)
    assert not await desk.told(work, None)
    assert len(done) == 4


async def test_a_key_is_never_taken_for_a_fingerprint():
    desk = Desk(WINDOW)
    work, _ = counted()
    await desk.ask(work, None)
    assert not await desk.told(work, await fingerprint(PARTS))
    assert not await desk.told(work, "k")


async def test_what_lives_shorter_does_not_live_longer_behind_what_lives_longer():
    desk = Desk(WINDOW)
    work, _ = counted()
    await desk.ask(work, "k")
    await desk.ask(work, None)
    desk.clock.advance(5)
    assert await desk.told(work, "k")
    assert not await desk.told(work, None)


# Keys


@pytest.mark.parametrize("key", ["!", "~", "a" * 255, '"6a8c"', "00000000-0000-0000-0000-000000000000"])
async def test_keys(key):
    desk = Desk()
    work, _ = counted()
    await desk.ask(work, key)
    assert await desk.told(work, key)


@pytest.mark.parametrize("key", ["", "a" * 256, "a b", "a, a", " ", "a\n", "\n", "ü", "\x7f", "\x00", "a\tb"])
async def test_what_is_no_key(key):
    work, done = counted()
    with pytest.raises(InvalidRequest) as caught:
        await Desk().ask(work, key)
    assert (caught.value.status, caught.value.param) == (400, "Idempotency-Key")
    assert caught.value.message == "'Idempotency-Key' must be 1 to 255 visible ASCII characters."
    assert not done


async def test_a_key_is_for_one_request_kept_or_in_flight():
    desk = Desk()
    job = Job()
    first = asyncio.create_task(desk.ask(job))
    await turns()
    for in_flight in (True, False):
        with pytest.raises(KeyReused) as caught:
            await desk.ask(job, parts=(b"another request",))
        assert (caught.value.status, caught.value.code) == (422, "idempotency_key_reused")
        assert caught.value.param == "Idempotency-Key"
        if in_flight:
            job.ended.set_result("made")
            await first
    assert await desk.ask(job) == ("made", True)
    assert job.begun == 1
    desk.clock.advance(600)
    assert not await desk.told(job, parts=(b"another request",))


# Calls in flight


async def test_calls_in_flight_are_one():
    desk = Desk()
    job = Job()
    calls = [asyncio.create_task(desk.ask(job)) for _ in range(50)]
    await turns()
    job.ended.set_result("made")
    answers = await asyncio.gather(*calls)
    assert [text for text, _ in answers] == ["made"] * 50
    assert sorted(replay for _, replay in answers) == [False] + [True] * 49
    assert (job.begun, job.cancelled) == (1, 0)


async def test_who_joined_may_go():
    desk = Desk()
    job = Job()
    first, second = (asyncio.create_task(desk.ask(job)) for _ in range(2))
    await turns()
    second.cancel()
    await asyncio.wait([second])
    assert second.cancelled()
    job.ended.set_result("made")
    assert await first == ("made", False)
    assert job.cancelled == 0


async def test_who_began_may_go_and_stays_until_what_it_lent_is_read():
    desk = Desk()
    job = Job()
    first, second = (asyncio.create_task(desk.ask(job)) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    assert not first.done()
    assert not second.done()
    job.ended.set_result("made")
    assert await second == ("made", True)
    await asyncio.wait([first])
    assert first.cancelled()
    assert (job.begun, job.cancelled) == (1, 0)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
async def test_when_all_have_gone_the_work_is_called_off(order):
    desk = Desk()
    job = Job()
    calls = [asyncio.create_task(desk.ask(job)) for _ in range(3)]
    await turns()
    for number in order:
        assert (job.live, job.cancelled) == (1, 0)
        calls[number].cancel()
        await turns()
    assert (job.live, job.cancelled) == (0, 1)
    assert all(call.cancelled() for call in calls)
    job.ended.set_result("made")
    assert await desk.ask(job) == ("made", False)


async def test_a_call_that_ends_before_its_work_begins_leaves_nothing():
    desk = Desk()
    job = Job()
    for steps in range(5):
        call = asyncio.create_task(desk.ask(job))
        await turns(steps)
        call.cancel()
        await asyncio.wait([call])
        assert job.live == 0
    assert not desk.replays._flights


async def test_nobody_joins_what_is_being_called_off():
    desk = Desk()
    old, new = Job(stubborn=True), Job()
    first = asyncio.create_task(desk.ask(old))
    await turns()
    first.cancel()
    await turns()
    assert (old.live, first.done()) == (1, False)
    second = asyncio.create_task(desk.ask(new, parts=(b"another request",)))
    await turns()
    assert new.live == 1
    old.cleaned.set()
    await asyncio.wait([first])
    assert (old.live, new.live, first.cancelled()) == (0, 1, True)
    new.ended.set_result("made")
    assert await second == ("made", False)
    assert await desk.ask(new, parts=(b"another request",)) == ("made", True)


async def test_what_is_done_in_spite_of_being_called_off_is_kept():
    desk = Desk()
    begun = asyncio.Event()

    async def work() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "made at the last moment"
        raise AssertionError

    call = asyncio.create_task(desk.ask(work))
    await begun.wait()
    call.cancel()
    await asyncio.wait([call])
    assert call.cancelled()
    assert await desk.ask(work) == ("made at the last moment", True)


# Failures


async def test_a_failure_is_told_to_all_and_the_next_call_may_do_better():
    desk = Desk()
    job = Job()
    calls = [asyncio.create_task(desk.ask(job)) for _ in range(3)]
    await turns()
    error = UpstreamRateLimited("Wait.", param="n", code="slow_down", retry_after=2, reason="busy")
    job.ended.set_exception(error)
    told = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(each) for each in told] == [UpstreamRateLimited] * 3
    assert [vars(each) for each in told] == [vars(error)] * 3
    assert told[0] is error
    work, _ = counted()
    assert await desk.ask(work) == ("made 1", False)


async def test_an_error_that_nobody_foresaw_is_told_to_all_and_not_kept():
    desk = Desk()
    job = Job()
    calls = [asyncio.create_task(desk.ask(job)) for _ in range(3)]
    await turns()
    job.ended.set_exception(ZeroDivisionError())
    told = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(each) for each in told] == [ZeroDivisionError] * 3
    work, _ = counted()
    assert await desk.ask(work) == ("made 1", False)


@pytest.mark.parametrize("key", ["k", None])
async def test_nobody_pays_twice_for_an_error(key):
    desk = Desk(WINDOW)
    work, done = failing(spent(UpstreamCut("Cut.", reason="eof")))
    told = []
    for _ in range(3):
        with pytest.raises(UpstreamCut) as caught:
            await desk.ask(work, key)
        assert (caught.value.message, caught.value.reason, caught.value.spent) == ("Cut.", "eof", True)
        told.append(caught.value)
    assert len(set(map(id, told))) == 3
    assert len(done) == 1
    desk.clock.advance(600)
    with pytest.raises(UpstreamCut):
        await desk.ask(work, key)
    assert len(done) == 2


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ToranaError)]


# One for the edge alone: no work raises it.
@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind is not MethodNotAllowed], ids=lambda kind: kind.__name__
)
async def test_every_error_is_replayed_as_it_was(kind):
    desk = Desk()
    error = spent(InvalidImage("No.", param=None) if kind is InvalidImage else kind("No.", param="n", retry_after=1))
    work, done = failing(error)
    for _ in range(2):
        with pytest.raises(kind) as caught:
            await desk.ask(work)
        assert vars(caught.value) == vars(error)
        assert str(caught.value) == "No."
    assert len(done) == 1


async def test_a_kept_error_holds_on_to_nothing_of_the_first_call():
    class Held:
        pass

    desk = Desk()
    held: list[weakref.ref[Held]] = []

    async def work() -> str:
        upload = Held()
        held.append(weakref.ref(upload))
        raise spent(UpstreamCut("Cut.")) from OSError(upload)

    for _ in range(2):
        with pytest.raises(UpstreamCut):
            await desk.ask(work)
    gc.collect()
    assert [each() for each in held] == [None]


# Bounds


async def test_the_oldest_make_room():
    desk = Desk()
    work, _ = counted()
    for key in "abc":
        await desk.ask(work, key, size=2 * ENTRY)
    assert all([await desk.told(work, key) for key in "abc"])
    await desk.ask(work, "d", size=5 * ENTRY)
    assert not await desk.told(work, "a", size=10 * ENTRY)
    assert not await desk.told(work, "b", size=10 * ENTRY)
    assert await desk.told(work, "c")
    assert await desk.told(work, "d")


@pytest.mark.parametrize(("size", "kept"), [(9 * ENTRY, True), (9 * ENTRY + 1, False)])
async def test_what_is_larger_than_all_room_is_not_kept_and_drives_nothing_out(size, kept):
    desk = Desk()
    work, _ = counted()
    await desk.ask(work, "small")
    await desk.ask(work, "large", size=size)
    assert await desk.told(work, "large") is kept
    assert await desk.told(work, "small") is not kept


async def test_small_replies_are_bounded_in_number():
    desk = Desk()
    work, _ = counted()
    for number in range(100):
        await desk.ask(work, f"{number}")
    assert len(desk.replays._shelf._kept) == 10
    assert all([await desk.told(work, f"{number}") for number in range(90, 100)])


async def test_what_is_over_makes_room_first():
    desk = Desk(WINDOW)
    work, _ = counted()
    await desk.ask(work, None, size=ENTRY)
    desk.clock.advance(5)
    await desk.ask(work, "a")
    assert [kept.size for kept in desk.replays._shelf._kept.values()] == [ENTRY]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(0, 12 * ENTRY), st.sampled_from([0.0, 1.0, 300.0])),
        max_size=30,
    )
)
def test_the_room_is_never_exceeded_and_well_counted(calls):
    async def run() -> None:
        desk = Desk()
        work, _ = counted()
        for key, size, seconds in calls:
            desk.clock.advance(seconds)
            await desk.ask(work, key, size=size)
            shelf = desk.replays._shelf
            assert shelf._taken == sum(kept.size for kept in shelf._kept.values()) <= SETTINGS.max_total

    asyncio.run(run())


# Anything in any order


ENDS: dict[str, Callable[[], Exception | None]] = {
    "end": lambda: None,
    "fail": lambda: UpstreamCut("Cut."),
    "break": ZeroDivisionError,
    "pay": lambda: spent(UpstreamCut("Paid.")),
}


class Life:
    """A desk on which anything happens in any order."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.calls: list[tuple[str, asyncio.Task[tuple[str, bool]]]] = []
        self.gone: set[asyncio.Task[tuple[str, bool]]] = set()
        self.jobs: dict[str, list[Job]] = {"a": [], "b": []}

    def come(self, key: str) -> None:
        async def work() -> str:
            self.jobs[key].append(Job())
            return await self.jobs[key][-1]()

        self.calls.append((key, asyncio.create_task(self.desk.ask(work, key))))

    def go(self, number: int) -> None:
        for _, call in self.calls[number : number + 1]:
            self.gone.add(call)
            call.cancel()

    def end(self, key: str, how: str) -> None:
        error = ENDS[how]()
        for job in self.jobs[key]:
            if job.live and not job.ended.done() and error is None:
                job.ended.set_result("made")
            elif job.live and not job.ended.done():
                assert error is not None
                job.ended.set_exception(error)

    def check(self) -> None:
        """There is one work for a key as long as anybody waits for it, and none else."""
        for key, jobs in self.jobs.items():
            waiting = [call for name, call in self.calls if name == key and not call.done() and call not in self.gone]
            assert sum(job.live for job in jobs) == bool(waiting)


HAPPENINGS = st.one_of(
    st.tuples(st.just("come"), st.sampled_from("ab")),
    st.tuples(st.just("go"), st.integers(0, 9)),
    st.tuples(st.just("end"), st.sampled_from("ab"), st.sampled_from(list(ENDS))),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(HAPPENINGS, st.sampled_from([0, 1, 2, 3, 20])), max_size=25))
def test_there_is_one_work_for_a_key_as_long_as_anybody_waits(happenings):
    async def live() -> None:
        life = Life()
        for (kind, *what), count in happenings:
            getattr(life, kind)(*what)
            await turns(count)
            if count == 20:
                life.check()
        for number in range(len(life.calls)):
            life.go(number)
        await asyncio.gather(*(call for _, call in life.calls), return_exceptions=True)
        life.check()
        assert not life.desk.replays._flights

    asyncio.run(live())


# Fingerprints


async def test_a_fingerprint_is_that_of_the_bytes_however_they_are_cut():
    whole, cut = File((b"abcdef",), filename="a"), File((b"ab", b"", b"cdef"), filename="b")
    assert await fingerprint([b"x", whole]) == await fingerprint([b"x", cut])
    assert len(await fingerprint([])) == 64


async def test_no_other_parts_have_the_same_fingerprint():
    parts: list[list[bytes | Upload]] = [
        [],
        [b""],
        [b"", b""],
        [b"ab"],
        [b"a", b"b"],
        [b"b", b"a"],
        [File((b"ab",))],
        [File((b"a",)), File((b"b",))],
        [File((b"a",)), b"b"],
        [b"2 bytes:ab"],
        [b"a1 bytes:b"],
        [b"a", File(())],
    ]
    assert len({await fingerprint(each) for each in parts}) == len(parts)


async def test_a_large_upload_lets_others_have_their_turn():
    chunks = 200
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    await fingerprint([File((bytes(256 * 1024),) * chunks)])
    ticking.cancel()
    assert ticks >= chunks - 1


@pytest.mark.parametrize(
    ("settings", "key", "joins"),
    [(SETTINGS, None, False), (SETTINGS, "", True), (SETTINGS, "k", True), (WINDOW, None, True)],
)
async def test_it_is_told_whether_a_call_may_be_anothers(settings: Idempotency, key: str | None, joins: bool) -> None:
    assert Desk(settings).replays.joins(key) is joins
