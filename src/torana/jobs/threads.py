"""Work in threads that nobody leaves behind."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What work comes to in a thread. Nobody can stop it there: who is cancelled meanwhile first sees it end."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait((working,))
        if not working.cancelled():
            # Whoever was cancelled has no use for it, and it is not to be complained of.
            working.exception()
        raise
