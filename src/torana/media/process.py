"""One worker process, as the gateway holds it."""

import asyncio
import math
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from torana.core.errors import WorkFailed
from torana.media.frames import MAX_HEADER, PREFIX, Order, Ready, Reply, decode_reply, opened
from torana.media.job import Job, Source

Answer = tuple[Reply, tuple[bytes, ...]]
"""A reply and its blobs."""

_START_LIMIT = 120.0  # seconds; compiling the engine afresh takes some twenty
_READ_LIMIT = 1 << 20  # bytes the pipe's reader holds before it asks the worker to wait
_NUDGE = 0.05  # seconds between signals: one that comes before the job has begun is not heard
_DIED_AT_WORK = "it ended during a job"
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Lost(Exception):
    """The worker has ended, was ended, or no longer makes sense."""


def clean_environment(parent: Mapping[str, str]) -> dict[str, str]:
    """What a worker may know of the gateway's environment: where to find things, and no secrets."""
    kept = {name: parent[name] for name in parent if name in _INHERITED or name.startswith("NUMBA_")}
    # The crew is as large as the machine has cores: more threads would only get in each other's way.
    return kept | dict.fromkeys(_ONE_THREAD, "1")


class WorkerProcess:
    """A process that does one job at a time.

    Whoever started it lets ``listen`` run for as long as it lives, and calls ``end`` in the end.
    """

    def __init__(self, process: asyncio.subprocess.Process, *, memory: int, grace: float) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.alive = True
        self.used = False
        """Whether it was ever given a job."""
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._memory = memory
        self._grace = grace
        self._answer: asyncio.Future[Answer | None] | None = None

    @classmethod
    async def start(cls, *, memory: int, warm: str | None, grace: float) -> "WorkerProcess":
        """A worker that is ready; Lost when it does not come that far."""
        warming = ["--warm", warm] if warm else []
        # -P keeps the folder that the gateway was started in from being searched for modules.
        command = [sys.executable, "-P", "-m", "torana.media.worker", "--memory", f"{memory:d}", *warming]
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=clean_environment(os.environ),
                limit=_READ_LIMIT,
            )
        except OSError as error:
            raise Lost(f"it could not be started: {error.strerror}") from error
        worker = cls(process, memory=memory, grace=grace)
        try:
            await worker._become_ready()
        except BaseException:
            worker.kill()
            await worker.end()
            raise
        return worker

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def listen(self) -> str:
        """Take in answers until there are no more, and say why."""
        try:
            while True:
                self._deliver(await self._receive())
        except Lost as lost:
            return str(lost)
        finally:
            self.alive = False
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(None)

    async def perform(self, job: Job) -> Answer:
        """Have a job done; Lost when the worker does not outlive it.

        Cancelling it cancels the job: what does not stop within the grace is killed. Afterwards ``alive`` tells
        whether the worker may be used again.
        """
        if not self.alive:
            raise Lost("it ended while it was idle")
        self.used = True
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._answer = answer
        try:
            await self._send(job)
            await self._wait(answer)
        finally:
            # Half a job sent, or no answer in time: nobody can say what the worker would do next.
            if not answer.done():
                self.kill()
        if (result := answer.result()) is None:
            raise Lost(_DIED_AT_WORK)
        return result

    def kill(self) -> None:
        """End the process at once."""
        self.alive = False
        with suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> int:
        """Let the process end by itself within the grace, else kill it; its exit status."""
        self.alive = False
        self._stdin.close()
        try:
            async with asyncio.timeout(self._grace):
                await self._process.communicate()
        except TimeoutError:
            self.kill()
            # Reads what is left in the pipe too, without which the process would not count as ended.
            await self._process.communicate()
        return await self._process.wait()

    async def _become_ready(self) -> None:
        try:
            async with asyncio.timeout(_START_LIMIT):
                reply, _ = await self._receive()
        except TimeoutError as error:
            raise Lost(f"it was not ready after {_START_LIMIT:.0f} seconds") from error
        if not isinstance(reply, Ready):
            raise Lost("it answered before it was ready")

    def _deliver(self, answer: Answer) -> None:
        if self._answer is None or self._answer.done():
            raise self._nonsense("it answered without being asked")
        self._answer.set_result(answer)

    async def _receive(self) -> Answer:
        """The next frame; Lost when the stream ends or holds something else."""
        try:
            (length,) = PREFIX.unpack(await self._stdout.readexactly(PREFIX.size))
            if length > MAX_HEADER:
                raise self._nonsense("it sent something that is no frame")
            reply = decode_reply(await self._stdout.readexactly(length))
            # More than it may hold it cannot have made.
            if sum(reply.sizes) > self._memory:
                raise self._nonsense("it claims to have made more than its memory holds")
            return reply, tuple([await self._stdout.readexactly(size) for size in reply.sizes])
        except asyncio.IncompleteReadError as error:
            raise Lost("it ended") from error
        except msgspec.MsgspecError as error:
            raise self._nonsense("it sent something that is no frame") from error

    def _nonsense(self, why: str) -> Lost:
        """End a worker that cannot be trusted any more."""
        self.kill()
        return Lost(why)

    async def _send(self, job: Job) -> None:
        sizes = tuple(source.size for source in job.sources)
        await self._write(opened(Order(job.function, job.params, sizes)))
        for source in job.sources:
            await self._send_source(source)

    async def _send_source(self, source: Source) -> None:
        sent = 0
        async for chunk in source.chunks():
            await self._write(chunk)
            sent += len(chunk)
        if sent != source.size:
            raise WorkFailed("A picture could not be read back in full.")

    async def _write(self, data: bytes) -> None:
        """Write, and wait while the pipe is full; Lost when nobody reads it any more."""
        # Asked before, because event loops differ in how they answer a write to a pipe that they have closed.
        if self._stdin.is_closing():
            raise Lost(_DIED_AT_WORK)
        try:
            self._stdin.write(data)
            await self._stdin.drain()
        except ConnectionError as error:
            raise Lost(_DIED_AT_WORK) from error

    async def _wait(self, answer: asyncio.Future[Answer | None]) -> None:
        """Wait for the answer; when cancelled, ask the worker to stop, for as long as the grace lasts."""
        try:
            # Not awaited by itself: that would cancel it too.
            await asyncio.wait({answer})
        except asyncio.CancelledError:
            nudges = math.ceil(self._grace / _NUDGE)
            while nudges and not answer.done():
                nudges -= 1
                with suppress(ProcessLookupError):
                    self._process.send_signal(signal.SIGUSR1)
                await asyncio.wait({answer}, timeout=_NUDGE)
            raise
