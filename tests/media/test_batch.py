import asyncio
import json
import os
import time

import pytest

from torana.core.errors import DeadlineExceeded, InvalidImage, Overloaded
from torana.media.batch import make_all
from torana.media.job import InMemory, Job


async def test_everything_made_comes_in_the_order_asked(crew, jobs):
    workers = crew(count=2)
    await workers.start()
    made = await make_all(workers, [Job(f"{jobs}:echo", json.dumps(i).encode()) for i in range(6)], within=30)
    assert [json.loads(each.meta) for each in made] == list(range(6))


async def test_each_job_that_ends_is_counted(crew, jobs):
    workers = crew()
    await workers.start()
    counted: list[int] = []
    await make_all(workers, [Job(f"{jobs}:echo", b"0")] * 3, within=30, on_each=lambda: counted.append(len(counted)))
    assert counted == [0, 1, 2]


async def test_all_places_or_none(crew, jobs):
    workers = crew(count=1, queue=2)
    await workers.start()
    with pytest.raises(Overloaded):
        await make_all(workers, [Job(f"{jobs}:echo", b"0")] * 4, within=30)
    assert len(await make_all(workers, [Job(f"{jobs}:echo", b"0")] * 3, within=30)) == 3


async def test_the_first_failure_is_the_answer_and_stops_the_rest(crew, jobs):
    workers = crew(count=2)
    await workers.start()
    work = [Job(f"{jobs}:hang", b""), Job(f"{jobs}:refuse", b"")]
    with pytest.raises(InvalidImage) as refused:
        await make_all(workers, work, within=30)
    assert refused.value.code == "invalid_image_mode"
    assert len(await make_all(workers, [Job(f"{jobs}:pid", b"")] * 2, within=30)) == 2


async def test_time_runs_out(crew, jobs):
    workers = crew()
    await workers.start()
    await workers.run(Job(f"{jobs}:pid", b""))
    with pytest.raises(DeadlineExceeded, match=r"within 0\.2 s"):
        await make_all(workers, [Job(f"{jobs}:hang", b"")], within=0.2)


async def test_a_caller_who_leaves_stops_the_work(crew, jobs, tmp_path):
    mark = tmp_path / "mark"
    os.mkfifo(mark)
    workers = crew()
    await workers.start()
    work = asyncio.create_task(make_all(workers, [Job(f"{jobs}:hang_marked", os.fsencode(mark))], within=30))
    await asyncio.to_thread(mark.read_text)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    started = time.perf_counter()
    await make_all(workers, [Job(f"{jobs}:echo", b"0", (InMemory(b"x"),))], within=30)
    assert time.perf_counter() - started < 20
