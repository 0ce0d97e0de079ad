"""Several works at once: all of them, or none."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def a_few_at_once(works: Sequence[Callable[[], Awaitable[T]]], most: int) -> list[T]:
    """What all come to, in their order, as ``all_or_none``, with no more than so many at work together."""
    places = asyncio.Semaphore(most)

    async def one(work: Callable[[], Awaitable[T]]) -> T:
        async with places:
            return await work()

    return await all_or_none([one(work) for work in works])


async def all_or_none(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What all come to, in their order; or the first failure with its cause, and then nothing goes on."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except BaseExceptionGroup as errors:
        first = errors.exceptions[0]
        raise first from first.__cause__
    return [task.result() for task in tasks]
