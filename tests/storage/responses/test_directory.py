import os

import pytest

from tests.storage.responses.conftest import HOUR, MAX_TOTAL
from torana.core.errors import WorkFailed
from torana.storage.objects.port import Swept
from torana.storage.responses.directory import Directory


def name(number: int) -> str:
    return f"{number:064x}"


async def test_the_oldest_make_room(directory, clock):
    for number in range(11):
        await directory.put(name(number), bytes(100))
        clock.advance(1)
    assert await directory.get(name(0)) is None
    assert await directory.get(name(10)) is not None
    swept = await directory.sweep()
    assert swept.evicted >= 1
    assert await directory.sweep() == Swept()


async def test_all_that_is_kept_stays_within_its_bound(directory, tmp_path):
    for number in range(50):
        await directory.put(name(number), bytes(90))
        kept = [path for path in (tmp_path / "responses").rglob("*") if path.is_file() and path.name != ".lock"]
        assert sum(path.stat().st_size for path in kept) <= MAX_TOTAL


async def test_a_document_larger_than_all_room_is_not_kept(directory):
    await directory.put(name(1), b"x")
    with pytest.raises(WorkFailed) as caught:
        await directory.put(name(2), bytes(MAX_TOTAL + 1))
    assert (caught.value.code, caught.value.reason) == ("storage_failed", "ENOSPC")


async def test_nobody_else_may_read_it(directory, tmp_path):
    await directory.put(name(1), b"x")
    (path,) = (tmp_path / "responses").rglob(name(1))
    assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "responses").stat().st_mode & 0o077 == 0


async def test_what_is_being_written_is_left_alone_for_a_while(directory, tmp_path, clock):
    await directory.put(name(1), b"x")
    (path,) = (tmp_path / "responses").rglob(name(1))
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_bytes(b"x")
    os.utime(unfinished, (clock.now(), clock.now()))
    await directory.sweep()
    assert unfinished.exists()
    clock.advance(HOUR + 1)
    await directory.sweep()
    assert not unfinished.exists()


async def test_several_processes_share_it(directory, tmp_path, clock):
    another = Directory(tmp_path / "responses", ttl=HOUR, max_total=MAX_TOTAL, clock=clock)
    await another.put(name(1), b"x")
    assert await directory.get(name(1)) == b"x"


async def test_a_disk_that_fails_is_told_as_such(tmp_path, clock):
    (tmp_path / "file").write_bytes(b"")
    shelf = Directory(tmp_path / "file", ttl=HOUR, max_total=MAX_TOTAL, clock=clock)
    with pytest.raises(WorkFailed):
        await shelf.put(name(1), b"x")


async def test_where_nothing_was_kept_nothing_is_made(directory, tmp_path):
    assert await directory.sweep() == Swept()
    assert await directory.get(name(1)) is None
    assert list(tmp_path.iterdir()) == []
