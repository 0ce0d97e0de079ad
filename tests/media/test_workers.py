import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uvloop

from torana.core.errors import InvalidImage, Overloaded, WorkFailed
from torana.media.job import InMemory, Job, Made
from torana.media.workers import Workers


def told(made: Made) -> Any:
    return json.loads(made.meta)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def begun(mark: Path) -> int:
    """Wait until a job ``hang_marked`` is under way; its worker's pid."""
    return int(await asyncio.to_thread(mark.read_text))


async def test_without_a_warm_function_the_first_job_brings_the_workers(crew, jobs):
    workers = crew()
    assert not workers.ready
    await workers.start()
    assert workers.ready
    assert workers._keepers == []

    assert told(await workers.run(Job(f"{jobs}:pid", b""))) != os.getpid()
    assert workers.ready


async def test_with_a_warm_function_they_come_at_once(crew, jobs):
    workers = crew(warm=f"{jobs}:warm")
    await workers.start()
    assert len(workers._keepers) == 1
    assert not workers.ready

    assert told(await workers.run(Job(f"{jobs}:was_warmed", b""))) is True
    assert workers.ready


async def test_sources_and_results_come_across(crew, jobs):
    workers = crew()
    await workers.start()

    made = await workers.run(Job(f"{jobs}:echo", b'{"a": 1}', (InMemory(b"one"), InMemory(b""), InMemory(b"three"))))

    assert made == Made(b'{"a": 1}', (b"one", b"", b"three"))


async def test_a_refusal_is_the_caller_s_and_a_failure_is_ours(crew, jobs, incidents):
    workers = crew()
    await workers.start()

    with pytest.raises(InvalidImage, match=r"Too odd\.") as refused:
        await workers.run(Job(f"{jobs}:refuse", b""))
    assert (refused.value.param, refused.value.code) == ("mask", "invalid_image_mode")
    with pytest.raises(WorkFailed) as failed:
        await workers.run(Job(f"{jobs}:fail", b""))
    assert "secret" not in failed.value.message
    assert incidents == []


async def test_workers_see_neither_secrets_nor_open_files(crew, jobs, monkeypatch, tmp_path):
    monkeypatch.setenv("TORANA_TEST_SECRET", "hush")
    workers = crew()
    with (tmp_path / "private").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        await workers.start()
        seen = told(await workers.run(Job(f"{jobs}:surroundings", b"")))

    known = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LC_CTYPE"}
    threads = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"}
    assert threads <= set(seen["names"]) <= known | threads
    assert file.name not in seen["files"]
    assert seen["stdin"] == ""


async def test_jobs_are_done_in_the_order_of_asking(crew, jobs, tmp_path):
    workers = crew()
    await workers.start()
    file = tmp_path / "order"

    await asyncio.gather(
        *(workers.run(Job(f"{jobs}:write_down", os.fsencode(file), (InMemory(b"%d" % n),))) for n in range(6))
    )

    assert file.read_text() == "012345"


async def test_as_many_at_a_time_as_there_are_workers(crew, jobs, tmp_path):
    workers = crew(count=2)
    await workers.start()

    with workers.reserve(2) as places:
        met = await asyncio.gather(*(places.run(Job(f"{jobs}:meet", os.fsencode(tmp_path))) for _ in range(2)))

    assert told(met[0]) != told(met[1])


async def test_a_full_queue_says_so_at_once(crew, jobs):
    workers = crew(count=1, queue=2)
    await workers.start()

    with workers.reserve(2):
        with pytest.raises(Overloaded) as refused, workers.reserve(2):
            pass
        assert refused.value.retry_after == pytest.approx(2.0)
        with workers.reserve(1), pytest.raises(Overloaded):
            await workers.run(Job(f"{jobs}:pid", b""))
    assert workers._keepers == []
    with workers.reserve(3):
        pass


@pytest.mark.parametrize(("mean", "retry_after"), [(0.001, 1.0), (12.0, 12.0), (1000.0, 60.0)])
def test_when_to_come_back(mean, retry_after):
    workers = Workers(count=2, queue=0, memory=1)
    workers._mean_seconds = mean

    with workers.reserve(2), pytest.raises(Overloaded) as refused, workers.reserve(1):
        pass

    assert refused.value.retry_after == retry_after


async def test_the_mean_follows_the_jobs(crew, jobs):
    workers = crew()
    await workers.start()
    for _ in range(3):
        await workers.run(Job(f"{jobs}:pid", b""))

    assert workers._mean_seconds == pytest.approx(0.8**3, abs=0.1)


async def test_a_place_is_given_back_as_its_job_ends(crew, jobs):
    workers = crew(queue=1)
    await workers.start()

    with workers.reserve(2) as places:
        await places.run(Job(f"{jobs}:pid", b""))
        with workers.reserve(1):
            pass
        with pytest.raises(InvalidImage):
            await places.run(Job(f"{jobs}:refuse", b""))
        with pytest.raises(ValueError, match="as many jobs as it has places"):
            await places.run(Job(f"{jobs}:pid", b""))
    with workers.reserve(2):
        pass


@pytest.mark.parametrize("function", ["be_killed", "segfault", "leave", "eat_memory"])
async def test_a_job_that_ends_its_worker_is_tried_twice_and_no_more(crew, jobs, incidents, function):
    workers = crew()
    await workers.start()

    with pytest.raises(WorkFailed, match="twice"):
        await workers.run(Job(f"{jobs}:{function}", b""))

    assert told(await workers.run(Job(f"{jobs}:pid", b"")))
    assert [incident.kind for incident in incidents] == ["lost", "lost"]
    assert incidents[0].reason.startswith("it ended, with exit status")


async def test_a_job_whose_worker_is_killed_is_done_by_another(crew, jobs, incidents, tmp_path):
    workers = crew()
    await workers.start()
    job = Job(f"{jobs}:be_killed_once", os.fsencode(tmp_path / "mark"), (InMemory(b"picture"),))

    assert await workers.run(job) == Made(b'"survived"', (b"picture",))
    assert [incident.reason for incident in incidents] == ["it ended, with exit status -9"]


async def test_a_job_whose_worker_has_had_its_fill_is_done_by_another(crew, jobs, incidents, tmp_path):
    workers = crew(memory=256 << 20)
    await workers.start()
    job = Job(f"{jobs}:eat_memory_once", os.fsencode(tmp_path / "mark"), (InMemory(b"picture"),))

    assert await workers.run(job) == Made(b'"survived"', (b"picture",))
    assert [incident.reason for incident in incidents] == ["it ended, with exit status 1"]


async def test_neighbours_of_a_crash_are_untouched(crew, jobs, tmp_path):
    workers = crew(count=2)
    await workers.start()
    place = tmp_path / "place"
    place.mkdir()
    neighbour = asyncio.create_task(workers.run(Job(f"{jobs}:meet", os.fsencode(place))))

    await workers.run(Job(f"{jobs}:be_killed_once", os.fsencode(tmp_path / "mark")))
    assert not neighbour.done()
    (place / "second").touch()

    assert (place / str(told(await neighbour))).exists()


async def test_workers_killed_while_idle_are_replaced_and_not_handed_out(crew, jobs, tmp_path):
    noticed = asyncio.Semaphore(0)
    workers = crew(count=2, on_incident=lambda _: noticed.release())
    await workers.start()
    with workers.reserve(2) as places:
        met = await asyncio.gather(*(places.run(Job(f"{jobs}:meet", os.fsencode(tmp_path))) for _ in range(2)))

    for made in met:
        os.kill(told(made), signal.SIGKILL)
    for _ in met:
        await noticed.acquire()

    assert told(await workers.run(Job(f"{jobs}:pid", b""))) not in [told(made) for made in met]


async def test_a_job_handed_a_dead_worker_finds_another(crew, jobs):
    workers = crew()
    await workers.start()
    os.kill(told(await workers.run(Job(f"{jobs}:pid", b""))), signal.SIGKILL)

    assert told(await workers.run(Job(f"{jobs}:pid", b"")))


async def test_garbage_on_the_pipe_replaces_the_worker(crew, jobs, incidents):
    workers = crew()
    await workers.start()

    with pytest.raises(WorkFailed):
        await workers.run(Job(f"{jobs}:write_garbage", b"\xff" * 200))

    assert told(await workers.run(Job(f"{jobs}:pid", b"")))
    assert [incident.reason for incident in incidents] == [
        "it sent something that is no frame, with exit status -9"
    ] * 2


async def test_a_deadline_stops_the_work_and_keeps_the_worker(crew, jobs, incidents, mark):
    workers = crew()
    await workers.start()
    first = told(await workers.run(Job(f"{jobs}:pid", b"")))

    work = asyncio.create_task(workers.run(Job(f"{jobs}:hang_marked", os.fsencode(mark))))
    assert await begun(mark) == first
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await work

    assert told(await workers.run(Job(f"{jobs}:pid", b""))) == first
    assert incidents == []


async def test_a_deadline_kills_what_does_not_stop(crew, jobs, incidents, mark):
    workers = crew(grace=0.1)
    await workers.start()
    first = told(await workers.run(Job(f"{jobs}:pid", b"")))

    work = asyncio.create_task(workers.run(Job(f"{jobs}:hang_deaf", os.fsencode(mark))))
    assert await begun(mark) == first
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await work

    assert told(await workers.run(Job(f"{jobs}:pid", b""))) != first
    assert gone(first)
    assert [incident.kind for incident in incidents] == ["lost"]


async def test_who_gives_up_waiting_holds_nobody_up(crew, jobs, mark):
    workers = crew(queue=2)
    await workers.start()
    first = asyncio.create_task(workers.run(Job(f"{jobs}:hang_marked", os.fsencode(mark))))
    await begun(mark)
    waiting = [asyncio.create_task(workers.run(Job(f"{jobs}:pid", b""))) for _ in range(2)]
    await asyncio.sleep(0)

    waiting[0].cancel()
    first.cancel()

    assert told(await waiting[1])
    with workers.reserve(3):
        pass


async def test_workers_that_cannot_start_fail_the_jobs_until_they_can(crew, jobs, incidents, monkeypatch, tmp_path):
    luck = tmp_path / "luck"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(luck))
    workers = crew(warm=f"{jobs}:warm_with_luck")
    await workers.start()

    with pytest.raises(WorkFailed, match="no process for it can be started"):
        await workers.run(Job(f"{jobs}:pid", b""))
    assert not workers.ready
    assert [incident.kind for incident in incidents] == ["would_not_start"] * 3

    luck.touch()
    assert told(await workers.run(Job(f"{jobs}:pid", b"")))
    assert workers.ready


async def test_stopping_leaves_no_process_behind(crew, jobs, mark):
    workers = crew(count=2, grace=0.1)
    await workers.start()
    busy = asyncio.create_task(workers.run(Job(f"{jobs}:hang_marked", os.fsencode(mark))))
    pids = {await begun(mark), told(await workers.run(Job(f"{jobs}:pid", b"")))}
    assert len(pids) == 2

    await workers.stop()

    assert all(gone(pid) for pid in pids)
    assert not workers.ready
    with pytest.raises(WorkFailed, match="shutting down"):
        await busy
    with pytest.raises(WorkFailed, match="shutting down"):
        await workers.run(Job(f"{jobs}:pid", b""))


async def test_stopping_sends_away_who_waits(crew, jobs):
    workers = crew(warm=f"{jobs}:warm")
    await workers.start()
    waiting = asyncio.create_task(workers.run(Job(f"{jobs}:pid", b"")))
    await asyncio.sleep(0)

    await workers.stop()

    with pytest.raises(WorkFailed, match="shutting down"):
        await waiting


def test_the_same_on_the_loop_that_serves(jobs, tmp_path):
    async def scenario() -> None:
        workers = Workers(count=2, queue=4, memory=512 << 20)
        await workers.start()
        try:
            job = Job(f"{jobs}:be_killed_once", os.fsencode(tmp_path / "mark"), (InMemory(bytes(3 << 20)),))
            assert len((await workers.run(job)).blobs[0]) == 3 << 20
            with pytest.raises(WorkFailed):
                await workers.run(Job(f"{jobs}:leave", b"", (InMemory(bytes(3 << 20)),)))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await workers.run(Job(f"{jobs}:hang", b""))
            pid = told(await workers.run(Job(f"{jobs}:pid", b"")))
        finally:
            await workers.stop()
        assert gone(pid)

    uvloop.run(scenario())


def test_loads_neither_pillow_nor_numpy():
    program = (
        "import sys, torana.media.workers, torana.media.jobs.fitting;"
        "sys.exit(any(name.partition('.')[0] in {'PIL', 'numpy'} for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
