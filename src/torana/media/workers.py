"""The crew of worker processes and the bounded queue before it: all the gateway's picture work goes through here."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from torana.core.errors import InvalidImage, Overloaded, WorkFailed
from torana.media.frames import Done, Refused
from torana.media.job import Job, Made
from torana.media.process import Answer, Lost, WorkerProcess
from torana.media.turns import Line

_TRIES = 2
"""A job that loses its worker is tried once more: it need not be the job's fault, the kernel may have been short."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0  # seconds
_PATIENCE = 3
"""How often in a row a start may lead to nothing before those who wait for a worker are sent away."""

_SHUTTING_DOWN = "The gateway is shutting down."
_NEWEST_WEIGHT = 0.2  # of a job's time in the running mean
_SHORTEST_RETRY, _LONGEST_RETRY = 1.0, 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that befell a worker, which was or will be replaced; ``reason`` says what."""

    kind: Literal["lost", "would_not_start"]
    reason: str


class Reservation:
    """Places for the jobs of one call; each is given back as soon as its job ends."""

    def __init__(
        self,
        places: int,
        *,
        perform: Callable[[Job], Awaitable[Made]],
        give_back: Callable[[int], None],
    ) -> None:
        self._unused = places
        self._perform = perform
        self._give_back = give_back

    async def run(self, job: Job) -> Made:
        """As ``Workers.run``, in a place that is already taken."""
        if self._unused == 0:
            raise ValueError("a reservation runs as many jobs as it has places")
        self._unused -= 1
        try:
            return await self._perform(job)
        finally:
            self._give_back(1)

    def close(self) -> None:
        """Give back what was not used."""
        self._give_back(self._unused)
        self._unused = 0


class Workers:
    """``count`` processes of at most ``memory`` bytes each; ``queue`` jobs may wait for them.

    ``warm`` names a function, "package.module:function", that every worker calls before its first job; with it the
    workers start at once, without it on the first job. A cancelled job has ``grace`` seconds to stop. ``on_incident``
    hears of every worker that had to be replaced, and must not raise.
    """

    def __init__(
        self,
        *,
        count: int,
        queue: int,
        memory: int,
        warm: str | None = None,
        grace: float = 1.0,
        on_incident: Callable[[Incident], None] = lambda _: None,
    ) -> None:
        self._count = count
        self._memory = memory
        self._warm = warm
        self._grace = grace
        self._on_incident = on_incident
        self._free = count + queue
        self._places = count + queue
        self._open = False
        self._keepers: list[asyncio.Task[None]] = []
        self._live = 0
        self._line: Line[WorkerProcess] = Line()
        self._mean_seconds = 1.0

    @property
    def ready(self) -> bool:
        """Whether a job would find a worker, or bring one to life."""
        return self._open and (not self._keepers or self._live > 0)

    async def start(self) -> None:
        """Open for jobs. Does not wait for the workers to be ready."""
        self._open = True
        if self._warm is not None:
            self._hire()

    async def stop(self) -> None:
        """Close, send away who waits, and end the processes. Jobs at work are lost: let them finish before."""
        self._open = False
        self._line.send_away(_SHUTTING_DOWN)
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers.clear()

    @contextmanager
    def reserve(self, places: int) -> Iterator[Reservation]:
        """Take places for so many jobs, all or none: Overloaded, at once, when fewer are free."""
        if places > self._free:
            raise Overloaded(
                "The server is busy with other pictures. Try again later.",
                retry_after=self._retry_after(),
            )
        self._free -= places
        reservation = Reservation(places, perform=self._perform, give_back=self._give_back)
        try:
            yield reservation
        finally:
            reservation.close()

    async def run(self, job: Job) -> Made:
        """Have one job done, in the order of asking.

        Cancelling it cancels the work; when it returns or raises, nothing of the job goes on. Overloaded when the
        queue is full, InvalidImage as the job raised it, WorkFailed for everything else that goes wrong in a worker.
        """
        with self.reserve(1) as place:
            return await place.run(job)

    def _give_back(self, places: int) -> None:
        self._free += places

    def _retry_after(self) -> float:
        """Seconds until the jobs now admitted should be done."""
        estimate = self._mean_seconds * (self._places - self._free) / self._count
        return min(max(estimate, _SHORTEST_RETRY), _LONGEST_RETRY)

    async def _perform(self, job: Job) -> Made:
        for _ in range(_TRIES):
            if not self._open:
                raise WorkFailed(_SHUTTING_DOWN)
            self._hire()
            worker = await self._line.take(job.caller)
            try:
                return self._outcome(await worker.perform(job))
            except Lost:
                continue
            finally:
                if worker.alive:
                    self._line.give(worker)
        raise WorkFailed("The picture could not be processed: twice, the process that tried came to an end.")

    def _outcome(self, answer: Answer) -> Made:
        match answer:
            case Done(meta=meta, seconds=seconds), blobs:
                self._mean_seconds += _NEWEST_WEIGHT * (seconds - self._mean_seconds)
                return Made(meta, blobs)
            case Refused(message=message, param=param, code=code), _:
                raise InvalidImage(message, param=param, code=code)
            case _:
                raise WorkFailed("The picture could not be processed.")

    def _hire(self) -> None:
        """See that every worker has its keeper."""
        if not self._keepers:
            self._keepers = [asyncio.create_task(self._keep()) for _ in range(self._count)]

    async def _keep(self) -> None:
        """Keep one worker at work: replace it whenever it ends, more and more slowly while that leads to nothing."""
        in_vain, pause = 0, 0.0
        while True:
            await asyncio.sleep(pause)
            if await self._employ():
                in_vain, pause = 0, 0.0
                continue
            in_vain += 1
            pause = min(max(2 * pause, _FIRST_PAUSE), _LONGEST_PAUSE)
            if in_vain >= _PATIENCE and self._live == 0:
                self._line.send_away("The picture could not be processed: no process for it can be started.")

    async def _employ(self) -> bool:
        """Start a worker and stay with it to its end; whether it was of any use."""
        try:
            worker = await WorkerProcess.start(memory=self._memory, warm=self._warm, grace=self._grace)
        except Lost as lost:
            self._on_incident(Incident("would_not_start", str(lost)))
            return False
        self._live += 1
        self._line.give(worker)
        try:
            reason = await worker.listen()
        finally:
            self._live -= 1
            self._line.drop(worker)
            status = await worker.end()
        self._on_incident(Incident("lost", f"{reason}, with exit status {status}"))
        return worker.used
