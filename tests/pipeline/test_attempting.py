import asyncio

import pytest

from torana.core.clock import FakeClock
from torana.core.errors import InvalidRequest, UpstreamError, UpstreamTimeout
from torana.core.exchange import HERE, Call, Coming, Credentials, Misled, Opening, Principal, Reply, Target, Wishes
from torana.families.language.asked import read_request
from torana.pipeline.attempting import Attempting
from torana.pipeline.prices import Prices
from torana.pipeline.remembering import FORGETFUL
from torana.pipeline.telling import Telling
from torana.policy.ledger import Ledger
from torana.routing.selection import Caller
from torana.telemetry.record import Record

ASKED = read_request("chat", b'{"model": "m"}')
TARGET = Target("a", "m", parameters=(("seed", 1),), headers=(("x-a", "b"),), prompt="vary it")


class Provider:
    def __init__(self, answer):
        self.operations = {"chat": answer}

    def worst(self, request, target):
        return None


class Rest(Coming):
    """What is still to come, and is not what it seemed once it is there."""

    def __init__(self, *, is_known=False):
        self.is_known = is_known
        self.come = asyncio.Event()

    def check(self):
        if self.is_known:
            raise Misled

    async def arrived(self):
        await self.come.wait()
        raise Misled


def attempting(answer, coming=HERE):
    async def read():
        raise NotImplementedError

    call = Call(
        "r",
        "chat",
        Credentials(None),
        read,
        forwarded=(("beta", "1"),),
        wishes=Wishes(attempts=2),
        coming=lambda: coming,
    )
    record = Record(FakeClock(), "req", "POST", "/")
    providers = {"a": Provider(answer)}
    row = Ledger(None, FakeClock()).row(Principal("a", "us"), "chat", request_id="r", metadata={}, within=1)
    prices = Prices(ASKED, (TARGET,), providers, row)
    return Attempting(ASKED, Telling(call), Caller("us ada"), providers, FORGETFUL, prices, record, 60.0)


async def test_a_target_is_told_of_the_call_all_that_concerns_it():
    met = []

    async def answer(request, model, context):
        met.append((request, model, context))
        context.open(Opening())
        return Reply("done")

    claims = []
    trying = attempting(answer)
    assert await trying.attempt(TARGET, lambda: claims.append(1)) == Reply("done")
    ((request, model, context),) = met
    assert (request, model, context.caller, context.prompt, claims) == (ASKED, "m", "us ada", "vary it", [1])
    assert ("x-a", "b") in context.headers
    # From its first piece on it is this target's answer, also for a client who leaves.
    assert (trying.record.target, trying.prices.row.target) == ("a/m", "a/m")
    assert (context.parameters, context.forwarded) == ({"seed": 1}, (("beta", "1"),))
    assert (context.wishes.attempts, context.within) == (2, 60.0)


async def test_one_that_is_told_to_stop_may_have_cost():
    async def answer(request, model, context):
        await asyncio.Event().wait()

    trying = attempting(answer)
    task = asyncio.create_task(trying.attempt(TARGET, lambda: None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (trying.record.cut_short, trying.prices.doubtful) == (True, [TARGET])


def test_failures_are_noted_and_those_that_may_cost_are_doubted():
    trying = attempting(None)
    trying.failed(TARGET, UpstreamTimeout("late"))
    assert (trying.record.attempts, trying.prices.doubtful) == ([("a/m", "upstream_timeout")], [])
    dear = UpstreamTimeout("late")
    dear.spent = True
    trying.failed(TARGET, dear)
    assert trying.prices.doubtful == [TARGET]


def raising(error):
    async def answer(request, model, context):
        raise error

    return answer


async def test_a_targets_own_failure_is_told_at_once_unless_the_request_is_known_to_be_another():
    with pytest.raises(UpstreamError):
        await attempting(raising(UpstreamError("It broke.")), Rest()).attempt(TARGET, lambda: None)
    with pytest.raises(Misled):
        await attempting(raising(UpstreamError("It broke.")), Rest(is_known=True)).attempt(TARGET, lambda: None)


async def test_what_is_the_callers_to_mend_is_told_when_all_he_sent_is_there():
    rest = Rest()
    task = asyncio.create_task(attempting(raising(InvalidRequest("No.")), rest).attempt(TARGET, lambda: None))
    await asyncio.sleep(0.01)
    assert not task.done()
    rest.come.set()
    with pytest.raises(Misled):
        await task


async def test_an_answer_to_another_request_than_was_sent_may_have_cost():
    async def answer(request, model, context):
        return Reply("done")

    rest = Rest()
    rest.come.set()
    trying = attempting(answer, rest)
    with pytest.raises(Misled):
        await trying.attempt(TARGET, lambda: None)
    assert trying.prices.doubtful == [TARGET]
