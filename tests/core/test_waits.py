import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.waits import Deadline, retry_after

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "5"}, 5.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "61"}, 61.0),
        ({"retry-after": "1e9"}, 1e9),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "some", "retry-after": "2"}, 2.0),
        ({"retry-after-ms": "-1"}, 0.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT", "date": DATE}, 10.0),
        ({"retry-after": "Sunday, 06-Nov-94 08:49:47 GMT", "date": DATE}, 10.0),
        ({"retry-after": "Sun Nov  6 08:49:47 1994", "date": DATE}, 10.0),
        ({"retry-after": "Sun, 06 Nov 1994 09:49:37 GMT", "date": DATE}, 3600.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:00:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT"}, None),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT", "date": "today"}, None),
        ({"retry-after": "Sun, 99 Nov 1994 08:49:47 GMT", "date": DATE}, None),
        ({"retry-after": f"Sun, 06 Nov 1994 08:49:47 +{'9' * 30}", "date": DATE}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None):
    assert retry_after(headers) == seconds


WAITS = st.text() | st.floats().map(str) | st.datetimes().map(lambda date: date.strftime("%a, %d %b %Y %H:%M:%S GMT"))


@given(st.dictionaries(st.sampled_from(["retry-after-ms", "retry-after", "date"]), WAITS))
def test_whatever_they_say_it_is_a_time_or_none(headers):
    wait = retry_after(headers)
    assert wait is None or (wait >= 0 and math.isfinite(wait))


async def test_what_takes_too_long_is_interrupted():
    deadline = Deadline(0.01)
    with pytest.raises(TimeoutError), deadline:
        await asyncio.sleep(60)
    assert deadline.expired
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


@pytest.mark.parametrize("seconds", [0, -1.0])
async def test_time_that_is_over_ends_the_first_wait(seconds):
    with pytest.raises(TimeoutError), Deadline(seconds):
        await asyncio.sleep(60)


@pytest.mark.parametrize("seconds", [60.0, math.inf])
async def test_what_ends_in_time_is_left_alone(seconds):
    deadline = Deadline(seconds)
    with deadline:
        await asyncio.sleep(0)
    assert not deadline.expired


async def test_a_bound_that_is_lifted_is_none():
    deadline = Deadline(0.01)
    with deadline:
        deadline.lift()
        await asyncio.sleep(0.03)
    assert not deadline.expired


async def test_an_error_goes_on_as_it_is():
    with pytest.raises(LookupError), Deadline(60):
        raise LookupError


async def test_a_timeout_of_something_inside_is_not_its_own():
    deadline = Deadline(60)
    with pytest.raises(TimeoutError), deadline:
        raise TimeoutError
    assert not deadline.expired


async def test_who_else_cancels_is_heard():
    async def work() -> None:
        with Deadline(60):
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_else_cancels_at_the_same_moment_is_heard_too():
    entered: list[Deadline] = []

    async def work() -> None:
        entered.append(Deadline(0.01))
        with entered[0]:
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.01, task.cancel)
    with pytest.raises((asyncio.CancelledError, TimeoutError)):
        await task


async def test_the_inner_of_two_bounds_leaves_the_outer_its_own():
    outer, inner = Deadline(60), Deadline(0.01)
    with outer:
        with pytest.raises(TimeoutError), inner:
            await asyncio.sleep(60)
        await asyncio.sleep(0)
    assert (inner.expired, outer.expired) == (True, False)
