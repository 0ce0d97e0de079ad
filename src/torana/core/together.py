"""Several works at once: all of them, or none."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def all_or_none(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What all come to, in their order; or the first failure with its cause, and then nothing goes on."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except BaseExceptionGroup as errors:
        first = errors.exceptions[0]
        raise first from first.__cause__
    return [task.result() for task in tasks]
