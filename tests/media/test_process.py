import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvloop

from torana.core.errors import WorkFailed
from torana.media.frames import Done, Failed, Ready, Refused, opened
from torana.media.job import InMemory, Job
from torana.media.process import Lost, WorkerProcess, clean_environment

MEMORY = 512 << 20


@asynccontextmanager
async def employed(warm: str | None = None, grace: float = 1.0) -> AsyncIterator[WorkerProcess]:
    worker = await WorkerProcess.start(memory=MEMORY, warm=warm, grace=grace)
    listening = asyncio.create_task(worker.listen())
    try:
        yield worker
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await worker.end()


class Written:
    """A source that says what it likes about its size, and does what it likes on the way."""

    def __init__(self, size: int, *chunks: bytes | Exception) -> None:
        self.size = size
        self._chunks = chunks
        self.begun = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            self.begun.set()
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


class Endless(Written):
    """A source that never comes to its end."""

    async def chunks(self) -> AsyncIterator[bytes]:
        yield b"begun"
        self.begun.set()
        await asyncio.Event().wait()


class Deadly:
    """A long source that kills its reader as it is read, and counts what nobody asked for any more."""

    size = 256 << 18

    def __init__(self, worker: WorkerProcess) -> None:
        self.left = 256
        self._worker = worker

    async def chunks(self) -> AsyncIterator[bytes]:
        while self.left:
            if self.left == 250:
                os.kill(self._worker.pid, signal.SIGKILL)
            await asyncio.sleep(0)
            self.left -= 1
            yield bytes(1 << 18)


def test_the_environment_holds_no_secrets():
    parent = {
        "PATH": "/bin",
        "HOME": "/home",
        "LANG": "C",
        "LC_ALL": "C",
        "TMPDIR": "/tmp",
        "PYTHONPATH": "/src",
        "VIRTUAL_ENV": "/venv",
        "NUMBA_CACHE_DIR": "/cache",
        "NUMBA_NUM_THREADS": "8",
        "OPENAI_API_KEY": "secret",
        "PYTHONSTARTUP": "/startup",
        "LD_PRELOAD": "/library",
    }
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

    clean = clean_environment(parent)

    assert clean == {name: parent[name] for name in list(parent)[:8]} | dict.fromkeys(threads, "1")


async def test_does_job_after_job(jobs):
    async with employed() as worker:
        for count in range(3):
            sources = tuple(InMemory(b"x" * 300_000) for _ in range(count))
            reply, blobs = await worker.perform(Job(f"{jobs}:echo", b"{}", sources))

            assert isinstance(reply, Done)
            assert blobs == tuple(source.data for source in sources)
        assert worker.alive


async def test_passes_on_how_a_job_went_wrong(jobs):
    async with employed() as worker:
        refused, _ = await worker.perform(Job(f"{jobs}:refuse", b""))
        failed, _ = await worker.perform(Job(f"{jobs}:fail", b""))

    assert refused == Refused("Too odd.", "mask", "invalid_image_mode")
    assert failed == Failed()


async def test_a_large_source_is_not_piled_up(jobs):
    waiting: list[int] = []

    class Large(InMemory):
        async def chunks(self) -> AsyncIterator[bytes]:
            async for chunk in super().chunks():
                waiting.append(worker._stdin.transport.get_write_buffer_size())
                yield chunk

    async with employed() as worker:
        _, blobs = await worker.perform(Job(f"{jobs}:echo", b"", (Large(bytes(40 << 20)),)))

    assert len(blobs[0]) == 40 << 20
    assert max(waiting) < 1 << 20


@pytest.mark.parametrize("function", ["leave", "segfault", "be_killed", "eat_memory"])
async def test_a_worker_that_dies_is_lost(jobs, function):
    async with employed() as worker:
        with pytest.raises(Lost, match="during a job"):
            await worker.perform(Job(f"{jobs}:{function}", b""))
        assert not worker.alive
        with pytest.raises(Lost, match="idle"):
            await worker.perform(Job(f"{jobs}:echo", b""))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_worker_that_dies_while_its_job_is_sent_is_lost(jobs, caplog, run):
    async def scenario() -> int:
        async with employed() as worker:
            source = Deadly(worker)
            with pytest.raises(Lost, match="during a job"):
                await worker.perform(Job(f"{jobs}:echo", b"", (source,)))
            assert not worker.alive
        return source.left

    assert run(scenario()) > 0
    assert caplog.messages == []


@pytest.mark.parametrize(
    "garbage",
    [b"\xff" * 100, b"\0\0\0\5hello", b"GET / HTTP/1.1\r\n", opened(Done(b"", 0.0, (MEMORY, 1)))],
    ids=["length", "header", "words", "more than its memory"],
)
async def test_a_worker_that_writes_garbage_is_killed(jobs, garbage):
    async with employed() as worker:
        with pytest.raises(Lost):
            await worker.perform(Job(f"{jobs}:write_garbage", garbage))
    assert worker._process.returncode == -signal.SIGKILL


async def test_a_worker_that_answers_twice_is_killed(jobs):
    worker = await WorkerProcess.start(memory=MEMORY, warm=None, grace=1.0)
    listening = asyncio.create_task(worker.listen())

    reply, _ = await worker.perform(Job(f"{jobs}:write_garbage", opened(Ready()) * 2))

    assert reply == Ready()
    assert await listening == "it answered without being asked"
    assert not worker.alive
    assert await worker.end() == -signal.SIGKILL


async def test_cancelling_stops_the_job_and_keeps_the_worker(jobs, mark):
    async with employed() as worker:
        work = asyncio.create_task(worker.perform(Job(f"{jobs}:hang_marked", os.fsencode(mark))))
        assert await asyncio.to_thread(mark.read_text) == str(worker.pid)

        work.cancel()

        with pytest.raises(asyncio.CancelledError):
            await work
        assert worker.alive
        reply, _ = await worker.perform(Job(f"{jobs}:pid", b""))
        assert isinstance(reply, Done)
        assert int(reply.meta) == worker.pid


async def test_a_job_that_does_not_stop_within_the_grace_is_killed(jobs, mark):
    async with employed(grace=0.1) as worker:
        work = asyncio.create_task(worker.perform(Job(f"{jobs}:hang_deaf", os.fsencode(mark))))
        await asyncio.to_thread(mark.read_text)

        work.cancel()

        with pytest.raises(asyncio.CancelledError):
            await work
        assert not worker.alive
    assert worker._process.returncode == -signal.SIGKILL


async def test_cancelling_twice_kills_at_once(jobs, mark):
    async with employed(grace=3600) as worker:
        work = asyncio.create_task(worker.perform(Job(f"{jobs}:hang_deaf", os.fsencode(mark))))
        await asyncio.to_thread(mark.read_text)

        work.cancel()
        await asyncio.sleep(0)
        work.cancel()

        with pytest.raises(asyncio.CancelledError):
            await work
        assert not worker.alive
    assert worker._process.returncode == -signal.SIGKILL


async def test_half_a_job_sent_costs_the_worker(jobs):
    async with employed() as worker:
        endless = Endless(100)
        work = asyncio.create_task(worker.perform(Job(f"{jobs}:echo", b"", (endless,))))
        await endless.begun.wait()

        work.cancel()

        with pytest.raises(asyncio.CancelledError):
            await work
        assert not worker.alive


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (Written(10, b"12345"), WorkFailed),
        (Written(10, b"1234567890", b"1"), WorkFailed),
        (Written(10, b"12345", FileNotFoundError("gone")), FileNotFoundError),
    ],
    ids=["shorter", "longer", "unreadable"],
)
async def test_a_source_that_fails_is_told_apart_from_the_worker(jobs, source, error):
    async with employed() as worker:
        with pytest.raises(error):
            await worker.perform(Job(f"{jobs}:echo", b"", (source,)))
        assert not worker.alive


async def test_one_that_cannot_warm_up_is_lost(jobs):
    with pytest.raises(Lost, match="it ended"):
        await WorkerProcess.start(memory=MEMORY, warm=f"{jobs}:warm_in_vain", grace=1.0)


async def test_one_that_cannot_be_started_is_lost(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    with pytest.raises(Lost, match="could not be started: No such file"):
        await WorkerProcess.start(memory=MEMORY, warm=None, grace=1.0)


async def test_an_end_in_peace(jobs):
    worker = await WorkerProcess.start(memory=MEMORY, warm=None, grace=10)

    assert await worker.end() == 0


def test_a_worker_at_work_dies_with_its_gateway(jobs, mark):
    program = (
        "import asyncio\n"
        "from torana.media.job import Job\n"
        "from torana.media.process import WorkerProcess\n"
        "async def main():\n"
        "    worker = await WorkerProcess.start(memory=1 << 30, warm=None, grace=1.0)\n"
        f"    await worker.perform(Job('{jobs}:hang_deaf', {os.fsencode(mark)!r}))\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as gateway:
        worker = os.pidfd_open(int(mark.read_text()))
        try:
            assert select.select([worker], [], [], 0)[0] == []
            gateway.kill()
            assert select.select([worker], [], [], 10)[0] == [worker]
        finally:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(worker, signal.SIGKILL)
            os.close(worker)
