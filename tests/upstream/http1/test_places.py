import asyncio

import pytest

from torana.core.errors import Overloaded
from torana.upstream.http1.places import Places


async def test_places_are_given_in_the_order_of_asking_and_only_so_many_wait():
    places, order = Places(1, waiting=2), []

    async def use(name: str) -> None:
        await places.take()
        order.append(name)
        await asyncio.sleep(0)
        places.give()

    users = [asyncio.create_task(use(name)) for name in "abc"]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="Too many calls wait") as caught:
        await places.take()
    assert caught.value.retry_after == 1
    await asyncio.gather(*users)
    assert order == ["a", "b", "c"]
    assert places.users == 0


async def test_who_stops_waiting_holds_up_nobody():
    places = Places(1, waiting=1)
    await places.take()
    waiting = asyncio.create_task(places.take())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert places.users == 1
    places.give()
    await places.take()
