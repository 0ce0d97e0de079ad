import asyncio

import pytest
from msgspec.structs import replace

from tests.routing.lab import FIRST, SECOND, Lab, Upstreams
from torana.core.clock import FakeClock
from torana.core.errors import (
    AnswerLate,
    FirstTokenLate,
)
from torana.core.exchange import Reply, Routing, Target
from torana.routing.attempts import walk
from torana.routing.health import Health
from torana.routing.selection import Caller


async def test_a_target_that_is_late_to_begin_is_followed_by_the_next_whatever_is_allowed():
    upstreams = Upstreams([FirstTokenLate("late"), "answer"])
    plan = replace(upstreams.plan, routing=Routing(fallback_on=frozenset()))
    got = await walk(plan, upstreams.attempt, lambda *_: None, health=Health(FakeClock()))
    assert got == (Target("lab", "1"), Reply("answer"))


# Callers who give a target only so long

HASTY = Caller(patience=0.02)


async def test_who_takes_longer_than_the_caller_gives_is_followed_by_the_next():
    lab = Lab().answer("b")
    assert await lab.walk(HASTY) == "b"
    assert (lab.tried, lab.reported) == (["a", "b"], ["a"])
    assert not lab.running
    assert lab.health.states() == {"lab/a": "closed", "lab/b": "closed"}, "nobody is closed to others by that"


async def test_when_none_is_quick_enough_the_caller_is_told_and_not_to_ask_again():
    lab = Lab(targets=(FIRST, SECOND))
    with pytest.raises(AnswerLate, match=r"0\.02 s") as caught:
        await lab.walk(HASTY)
    assert caught.value.spent
    assert (caught.value.status, lab.reported) == (504, ["a", "b"])


async def test_each_target_has_its_own_time():
    lab = Lab()
    call = asyncio.create_task(lab.walk(Caller(patience=0.1)))
    await lab.until("b")
    await asyncio.sleep(0.05)
    lab.answer("b")
    assert await call == "b"


async def test_who_has_begun_to_answer_may_take_his_time():
    lab = Lab()
    call = asyncio.create_task(lab.walk(HASTY))
    await lab.until("a")
    lab.claims["a"]()
    await asyncio.sleep(0.06)
    lab.answer("a")
    assert await call == "a"
    assert lab.tried == ["a"]
