import asyncio
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from torana.core.errors import WorkFailed
from torana.storage.files import CHUNK
from torana.storage.objects.directory import Directory
from torana.storage.objects.port import StoredObject, Swept

HOUR = 3600
MAX_TOTAL = 1000


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "pictures"


@pytest.fixture
def objects(directory, clock):
    return Directory(directory, max_total=MAX_TOTAL, clock=clock)


@pytest.fixture
def put(objects, clock):
    async def put(size, *, ttl=HOUR):
        return await objects.put(bytes(size), extension="png", expires=clock.now() + ttl)

    return put


def pictures(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name != ".lock")


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def found(objects: Directory, name: str) -> StoredObject:
    stored = await objects.open(name)
    assert stored is not None
    return stored


async def everything(stored: StoredObject) -> bytes:
    return b"".join([chunk async for chunk in stored.chunks()])


async def test_only_our_own_user_may_look(put, directory):
    mask = os.umask(0)
    try:
        name = await put(1)
    finally:
        os.umask(mask)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / name).stat().st_mode & 0o777 == 0o600
    assert (directory / ".lock").stat().st_mode & 0o777 == 0o600


async def test_names_that_nobody_gave_out_touch_no_disk(objects, directory):
    assert await objects.open("../secret") is None
    assert not directory.exists()


async def test_a_link_planted_under_a_good_name_is_not_followed(put, objects, directory):
    name = await put(6)
    (directory.parent / "secret").write_bytes(b"secret")
    (directory / name).unlink()
    (directory / name).symlink_to(directory.parent / "secret")
    assert await objects.open(name) is None


async def test_a_picture_shorter_than_its_name_says_is_not_served(put, objects, directory):
    name = await put(100)
    os.truncate(directory / name, 99)
    assert await objects.open(name) is None


async def test_a_sweep_removes_what_a_killed_process_left_unfinished(put, objects, directory, clock):
    name = await put(10, ttl=10)
    (directory / name).rename(directory / f"{name}.part")
    assert await objects.sweep() == Swept()
    clock.advance(10)
    assert await objects.sweep() == Swept(expired=1)
    assert pictures(directory) == []


async def test_the_oldest_make_room_for_new_ones(put, objects, directory):
    names = [await put(300, ttl=HOUR + age) for age in range(3)]
    names += [await put(500, ttl=HOUR + 3)]
    assert pictures(directory) == names[2:]
    assert await objects.open(names[0]) is None
    assert await objects.sweep() == Swept(evicted=2)
    assert await objects.sweep() == Swept()


async def test_expired_ones_make_room_first(put, objects, clock):
    await put(500, ttl=10)
    kept = await put(400, ttl=20)
    clock.advance(10)
    await put(500, ttl=20)
    assert await objects.open(kept)
    assert await objects.sweep() == Swept(expired=1)


async def test_a_lower_bound_holds_from_the_next_sweep_on(put, directory, clock):
    names = [await put(300, ttl=HOUR + age) for age in range(3)]
    assert await Directory(directory, max_total=600, clock=clock).sweep() == Swept(evicted=1)
    assert pictures(directory) == names[1:]


async def test_the_directory_is_listed_only_when_it_seems_full(put, objects, monkeypatch):
    await put(10)
    listings = []
    scandir = os.scandir

    def counting(path):
        listings.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counting)
    for _ in range(99):
        await put(10)
    assert len(listings) == 0
    for _ in range(99):
        await put(10)
    assert 0 < len(listings) < 20
    assert (await objects.sweep()).evicted >= 99


@pytest.mark.parametrize("count", [b"", bytes(20), b"nonsense", b"            99999999"])
async def test_a_lost_count_is_found_again(put, objects, directory, count):
    names = [await put(300, ttl=HOUR + age) for age in range(3)]
    (directory / ".lock").write_bytes(count)
    names.append(await put(300, ttl=HOUR + 3))
    assert pictures(directory) == names[1:]
    (directory / ".lock").write_bytes(b"0")
    assert await objects.sweep() == Swept(evicted=1)
    names.append(await put(300, ttl=HOUR + 4))
    assert pictures(directory) == names[2:]


async def test_a_picture_as_large_as_the_store_fits(put, objects):
    assert await objects.open(await put(MAX_TOTAL))


async def test_a_larger_one_is_refused_and_evicts_nobody(put, objects):
    name = await put(1)
    with pytest.raises(WorkFailed, match="1,001 bytes") as caught:
        await put(MAX_TOTAL + 1)
    assert caught.value.code == "storage_failed"
    assert await objects.open(name)


async def test_room_is_taken_before_the_bytes_are_written(put, directory, monkeypatch):
    seen: list[str] = []
    rename = Path.rename

    def looking(path, to):
        seen.extend(pictures(directory))
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", looking)
    name = await put(10)
    assert seen == [f"{name}.part"]
    assert pictures(directory) == [name]


async def test_pictures_that_are_being_written_are_not_evicted(put, objects, directory):
    name = await put(800)
    (directory / name).rename(directory / f"{name}.part")
    await put(200)
    await put(200)
    with pytest.raises(WorkFailed) as caught:
        await put(201)
    assert caught.value.reason == "ENOSPC"
    assert f"{name}.part" in pictures(directory)
    assert await objects.sweep() == Swept(evicted=2)


async def test_a_failed_write_leaves_nothing(put, directory, monkeypatch):
    def fail(path, to):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(WorkFailed) as caught:
        await put(10)
    assert caught.value.code == "storage_failed"
    assert pictures(directory) == []


async def test_a_picture_evicted_while_it_is_read_is_read_to_its_end(directory, clock):
    objects = Directory(directory, max_total=10 * CHUNK, clock=clock)
    data = os.urandom(3 * CHUNK)
    stored = await found(objects, await objects.put(data, extension="png", expires=clock.now() + 1))
    chunks = stored.chunks()
    read = await anext(chunks)
    clock.advance(1)
    assert await objects.sweep() == Swept(expired=1)
    assert read + b"".join([chunk async for chunk in chunks]) == data


async def test_a_picture_that_went_before_it_is_read_fails(put, objects, directory):
    name = await put(10)
    stored = await found(objects, name)
    (directory / name).unlink()
    with pytest.raises(WorkFailed):
        await everything(stored)


async def test_a_reading_given_up_leaves_no_descriptor(directory, clock):
    objects = Directory(directory, max_total=10 * CHUNK, clock=clock)
    name = await objects.put(bytes(3 * CHUNK), extension="png", expires=clock.now() + 1)
    before = open_descriptors()
    chunks = (await found(objects, name)).chunks()
    await anext(chunks)
    assert open_descriptors() == before + 1
    await chunks.aclose()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert open_descriptors() == before


async def test_says_whether_the_disk_takes_files(objects, directory):
    assert await objects.writable()
    assert pictures(directory) == []
    directory.rmdir()
    directory.write_bytes(b"in the way")
    assert not await objects.writable()


PUTTING = """
import asyncio, sys
from pathlib import Path
from torana.core.clock import FakeClock
from torana.storage.objects.directory import Directory

async def main():
    objects = Directory(Path(sys.argv[1]), max_total=100_000, clock=FakeClock())
    for number in range(60):
        await objects.put(bytes(9_000), extension="png", expires=1_900_000_000 + number)
    print((await objects.sweep()).evicted)

asyncio.run(main())
"""


def test_the_bound_holds_for_processes_that_share_the_directory(directory):
    with ExitStack() as ended:
        processes = [
            ended.enter_context(
                subprocess.Popen([sys.executable, "-c", PUTTING, str(directory)], stdout=subprocess.PIPE)
            )
            for _ in range(3)
        ]
        most = 0
        while any(process.poll() is None for process in processes):
            most = max(most, held(directory))
        evicted = sum(int(process.communicate()[0]) for process in processes)
    assert 80_000 < held(directory) <= 100_000
    assert evicted == 3 * 60 - len(pictures(directory))
    assert most <= 100_000 + 9_000  # a listing is no snapshot: it may see one that goes and the one it makes room for


def held(directory: Path) -> int:
    """Bytes of the pictures there, by the names, which tell what is taken before it is written."""
    if not directory.exists():
        return 0
    return sum(int(name.split("-")[1]) for name in pictures(directory))
