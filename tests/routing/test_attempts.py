import asyncio
from dataclasses import dataclass, field

import pytest

from torana.core.errors import (
    CallerError,
    DeadlineExceeded,
    InvalidImage,
    InvalidRequest,
    Moderated,
    Overloaded,
    ToranaError,
    UpstreamAuth,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
    WorkFailed,
)
from torana.core.exchange import Plan, Reply, Target
from torana.routing.attempts import walk

PASSING = [
    *(UpstreamError, UpstreamAuth, UpstreamRateLimited, UpstreamRejected, UpstreamTimeout, UpstreamUnreachable),
    *(Overloaded, WorkFailed),
]
FINAL = [CallerError, InvalidRequest, InvalidImage, Moderated, DeadlineExceeded]


@dataclass
class Upstreams:
    """Upstreams that do as they are told, target by target, and what was seen of them."""

    outcomes: list[BaseException | str]
    tried: list[Target] = field(default_factory=list)
    reported: list[tuple[Target, ToranaError]] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        return Plan("vary", tuple(Target("lab", str(number)) for number in range(len(self.outcomes))))

    async def attempt(self, target: Target) -> Reply[str]:
        self.tried.append(target)
        outcome = self.outcomes[int(target.model)]
        if isinstance(outcome, BaseException):
            raise outcome
        return Reply(outcome)

    async def walk(self) -> tuple[Target, Reply[str]]:
        return await walk(self.plan, self.attempt, lambda target, error: self.reported.append((target, error)))


@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_the_first_that_answers_ends_the_walk(failures):
    errors = [UpstreamError(str(number)) for number in range(failures)]
    upstreams = Upstreams([*errors, "answer", "never asked"])
    target, reply = await upstreams.walk()
    assert (target, reply) == (Target("lab", str(failures)), Reply("answer"))
    assert upstreams.tried == list(upstreams.plan.targets[: failures + 1])
    assert upstreams.reported == list(zip(upstreams.plan.targets, errors, strict=False))


@pytest.mark.parametrize("kind", PASSING)
async def test_a_failure_that_another_may_not_share_goes_on(kind):
    upstreams = Upstreams([kind("no"), "answer"])
    assert (await upstreams.walk())[1] == Reply("answer")


@pytest.mark.parametrize("kind", FINAL)
@pytest.mark.parametrize("before", [0, 1])
async def test_a_failure_that_another_would_share_ends_the_walk(kind, before):
    final = kind("no")
    upstreams = Upstreams([*[UpstreamError("first")] * before, final, "never asked"])
    with pytest.raises(kind) as caught:
        await upstreams.walk()
    assert caught.value is final
    assert len(upstreams.tried) == before + 1
    assert upstreams.reported[-1] == (Target("lab", str(before)), final)


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_when_none_answers_the_last_ones_error_is_told(count):
    errors = [UpstreamTimeout(str(number)) for number in range(count)]
    upstreams = Upstreams([*errors])
    with pytest.raises(UpstreamTimeout) as caught:
        await upstreams.walk()
    assert caught.value is errors[-1]
    assert upstreams.reported == list(zip(upstreams.plan.targets, errors, strict=True))


@pytest.mark.parametrize("bug", [ValueError("a bug"), asyncio.CancelledError(), TimeoutError()])
@pytest.mark.parametrize("behind", [0, 1])
async def test_what_is_no_error_of_ours_is_nobodys_answer(bug, behind):
    upstreams = Upstreams([bug, *["never asked"] * behind])
    with pytest.raises(type(bug)):
        await upstreams.walk()
    assert len(upstreams.tried) == 1
    assert upstreams.reported == []
