import asyncio
import os
from collections import deque
from pathlib import Path

import msgspec
import pytest

from torana.core.clock import FakeClock, SystemClock
from torana.core.ledger import Closed, Opened
from torana.storage.journal import writing
from torana.storage.journal.reading import Reader
from torana.storage.journal.writing import FILE, Journal, JournalFailed

MUCH = 10**9


def opened(id_: str, **more) -> Opened:
    return Opened(
        id_,
        request_id=f"req_{id_}",
        at=1.0,
        subject="anna",
        kind="user",
        issuer="i",
        operation="o",
        expires=9e9,
        **more,
    )


def journal(directory: Path, *, most: int = MUCH, sync: float = 1.0) -> Journal:
    return Journal(directory, SystemClock(), most=most, sync=sync)


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob(f"*{FILE}"))


def test_what_is_written_is_in_the_file_at_once(tmp_path):
    written = journal(tmp_path)
    written.write(opened("a"), Closed("a", at=2.0, status=200))
    [file] = files(tmp_path)
    assert file.read_bytes().count(b"\n") == 2
    assert file.stat().st_mode & 0o777 == 0o600
    written.close()


def test_a_file_that_is_long_enough_is_followed_by_another(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "SEGMENT", 300)
    written = journal(tmp_path)
    for number in range(6):
        written.write(opened(str(number)))
    assert len(files(tmp_path)) > 1
    written.close()
    reader = Reader(tmp_path, SystemClock())
    reader.take(100)
    assert {row.opened.id for row in reader.take(100)} == set("012345")


def test_files_of_a_short_journal_are_short(tmp_path):
    written = journal(tmp_path, most=16_000)
    for number in range(20):
        written.write(opened(str(number)))
    assert max(file.stat().st_size for file in files(tmp_path)) < 1_200
    written.close()


def test_no_more_is_written_than_there_is_room_for_until_there_is_again(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_LOOK_AGAIN", 0.0)
    written = journal(tmp_path, most=600)
    entries = [opened(str(number)) for number in range(10)]
    with pytest.raises(JournalFailed, match="the journal is full"):
        deque(map(written.write, entries))
    assert sum(file.stat().st_size for file in files(tmp_path)) <= 600
    other = journal(tmp_path, most=600)
    with pytest.raises(JournalFailed):
        other.write(*(opened(str(number)) for number in range(3)))
    for file in files(tmp_path):
        file.unlink()
    other.write(opened("again"))
    written.close()
    other.close()


def test_a_disk_that_fails_is_told_and_what_is_half_written_spoils_nothing_else(tmp_path, monkeypatch):
    written = journal(tmp_path)
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:20]))
    with pytest.raises(JournalFailed, match="the disk is full"):
        written.write(opened("half"))
    monkeypatch.undo()
    written.write(opened("whole"), Closed("whole", at=2.0, status=200))
    written.close()
    reader = Reader(tmp_path, SystemClock())
    assert [row.opened.id for row in reader.take(10)] == ["whole"]


async def test_it_reaches_the_disk_within_the_time_that_was_set(tmp_path, monkeypatch):
    synced = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(os, "fdatasync", lambda _file: loop.call_soon_threadsafe(synced.set))
    written = journal(tmp_path, sync=0.01)
    syncing = asyncio.create_task(written.keep())
    written.write(opened("a"))
    await asyncio.wait_for(synced.wait(), 5)
    syncing.cancel()
    written.close()


def test_every_line_reaches_the_disk_where_nothing_may_be_lost(tmp_path, monkeypatch):
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    written = journal(tmp_path, sync=0)
    written.write(opened("a"))
    written.write(opened("b"))
    assert len(synced) == 2
    written.close()


async def test_what_an_idle_process_wrote_can_go_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_LEAST_PAUSE", 0.001)
    clock = FakeClock()
    written = Journal(tmp_path, clock, most=10**6, sync=0)
    written.write(opened("a"), Closed("a", at=2.0, status=200))
    reader = Reader(tmp_path, clock)
    keeping = asyncio.create_task(written.keep())
    await asyncio.sleep(0.02)
    assert len(files(tmp_path)) == 1
    clock.advance(writing.AGE)
    async with asyncio.timeout(5):
        while len(files(tmp_path)) == 1:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)
    keeping.cancel()
    assert [row.opened.id for row in reader.take(10)] == ["a"]
    reader.put_away()
    assert [file.stat().st_size for file in files(tmp_path)] == [0]
    written.close()


async def test_what_is_full_reaches_the_disk_too(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "SEGMENT", 10)
    synced: set[int] = set()
    monkeypatch.setattr(os, "fdatasync", lambda file: synced.add(os.fstat(file).st_ino))
    written = journal(tmp_path, sync=0.001)
    written.write(opened("a"))
    written.write(opened("b"))
    keeping = asyncio.create_task(written.keep())
    async with asyncio.timeout(5):
        while len(synced) < 2:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)
    assert synced == {file.stat().st_ino for file in files(tmp_path)}
    keeping.cancel()
    written.close()


def test_a_full_disk_is_not_strewn_with_empty_files(tmp_path, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    written = journal(tmp_path)
    monkeypatch.setattr(os, "write", full)
    for _ in range(5):
        with pytest.raises(JournalFailed):
            written.write(opened("a"))
    assert len(files(tmp_path)) == 1
    written.close()


def test_a_line_that_was_long_leaves_nothing_to_those_that_follow(tmp_path):
    written = journal(tmp_path)
    lines: list[Opened | Closed] = [
        opened("a", metadata={"note": "x" * 100_000}),
        opened("b"),
        Closed("b", at=2.0, status=200),
    ]
    for line in lines:
        written.write(line)
    written.write(*lines[1:])
    [file] = files(tmp_path)
    kept = [msgspec.json.decode(line, type=Opened | Closed) for line in file.read_bytes().splitlines()]
    assert kept == [*lines, *lines[1:]]
    written.close()
