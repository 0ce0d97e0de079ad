"""Several jobs for one call: all their places at once, all of them together, all or none."""

import asyncio
from collections.abc import Callable, Sequence

from torana.core.errors import DeadlineExceeded
from torana.core.together import all_or_none
from torana.media.job import Job, Made, Runner
from torana.media.workers import Workers


async def make_all(
    workers: Workers, jobs: Sequence[Job], *, within: float, on_each: Callable[[], None] = lambda: None
) -> list[Made]:
    """What the jobs make, in their order; ``on_each`` is called as each ends.

    Overloaded when the queue has no room for all, DeadlineExceeded when they take longer than ``within`` seconds,
    queueing included, and the first failure of any job; in each case nothing goes on.
    """
    try:
        with workers.reserve(len(jobs)) as places:
            async with asyncio.timeout(within):
                return await all_or_none(_counted(places, job, on_each) for job in jobs)
    except TimeoutError as error:
        raise DeadlineExceeded(f"The pictures could not be made within {within:g} s.") from error


async def _counted(places: Runner, job: Job, on_each: Callable[[], None]) -> Made:
    made = await places.run(job)
    on_each()
    return made
