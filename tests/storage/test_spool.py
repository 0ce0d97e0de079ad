import asyncio
import io
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.content import PictureInfo, Size, Upload
from torana.core.errors import InvalidImage, WorkFailed
from torana.storage.files import CHUNK, SharedFile
from torana.storage.spool import Room, Spool, SpooledFile, _Cursor, _Leafing

INFO = PictureInfo("png", Size(1, 1))
MEMORY = 1000
ROOM_FOR_PIECES = 4 * 64


@pytest.fixture
def spool(tmp_path):
    # Each may hold as much as is left beside it.
    return Spool(tmp_path / "spool", memory=2 * (MEMORY + ROOM_FOR_PIECES))


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def threads_end() -> None:
    """Descriptors are closed in threads; no other may start after this."""
    await asyncio.get_running_loop().shutdown_default_executor()


async def everything(upload: Upload) -> bytes:
    return b"".join([chunk async for chunk in upload.chunks()])


async def filled(spool: Spool, data: bytes, piece: int = 300) -> SpooledFile:
    file = spool.open("a.png")
    for start in range(0, len(data), piece):
        await file.append(data[start : start + piece])
    await file.finish(lambda _: INFO)
    return file


@pytest.mark.parametrize("size", [0, 1, MEMORY, 2 * MEMORY, 3 * CHUNK + 7])
async def test_gives_back_what_it_took_as_often_as_asked(spool, size):
    data = os.urandom(size)
    with await filled(spool, data, piece=70_000) as upload:
        assert (upload.filename, upload.size, upload.info) == ("a.png", size, INFO)
        assert await everything(upload) == data
        assert await everything(upload) == data


async def test_small_files_touch_no_disk(spool):
    with await filled(spool, bytes(MEMORY)):
        assert not spool.directory.exists()


async def test_large_files_have_no_name(spool):
    with await filled(spool, bytes(2 * MEMORY)):
        assert list(spool.directory.iterdir()) == []
    assert spool.directory.stat().st_mode & 0o777 == 0o700


async def test_no_more_than_the_bound_stays_in_memory(spool):
    with spool.open("a.png") as file:
        for _ in range(50):
            await file.append(bytes(300))
            assert sum(map(len, file._pieces)) <= MEMORY


async def test_all_uploads_share_the_memory_and_give_it_back(tmp_path):
    spool = Spool(tmp_path, memory=100_000)
    with ExitStack() as opened:
        files = [opened.enter_context(spool.open("a.png")) for _ in range(50)]
        for _ in range(20):
            for file in files:
                await file.append(bytes(1000))
                assert sum(len(piece) for each in files for piece in each._pieces) <= 100_000
        assert all(file.at_hand() is None for file in files)
        # However many large ones wait, there is some left for a small one.
        with await filled(spool, bytes(100)) as small:
            assert small.at_hand() == [bytes(100)]
    with await filled(spool, bytes(40_000), piece=10_000) as alone:
        assert alone.at_hand() is not None
    assert spool._room.left == 100_000


async def test_pieces_without_number_fill_no_memory(tmp_path):
    with Spool(tmp_path, memory=100_000).open("a.png") as file:
        for _ in range(10_000):
            await file.append(b"x")
        assert len(file._pieces) <= 1000
        await file.finish(lambda _: INFO)
        assert await everything(file) == b"x" * 10_000


async def test_the_memory_comes_back_when_a_write_fails_or_is_cancelled(tmp_path):
    room = Room(1000)
    full = SharedFile(partial(os.open, "/dev/full", os.O_RDWR))
    with SpooledFile("a.png", room=room, disk=full) as file, pytest.raises(WorkFailed):
        await file.append(bytes(2000))
    assert room.left == 1000
    going, go_on = threading.Event(), threading.Event()

    def opener():
        going.set()
        go_on.wait(5)
        return os.memfd_create("test")

    with SpooledFile("a.png", room=room, disk=SharedFile(opener)) as file:
        writing = asyncio.create_task(file.append(bytes(2000)))
        await asyncio.to_thread(going.wait, 5)
    go_on.set()
    await asyncio.gather(writing, return_exceptions=True)
    assert room.left == 1000
    await threads_end()


async def test_what_is_in_memory_is_given_as_it_came(spool):
    pieces = [b"ab", b"cd"]
    with spool.open("a.png") as file:
        for piece in pieces:
            await file.append(piece)
        given = file.at_hand()
        assert given is not None
        assert all(one is other for one, other in zip(given, pieces, strict=True))
        assert [chunk async for chunk in file.chunks()] == pieces
    with pytest.raises(ValueError, match="closed"):
        file.at_hand()


async def test_the_disk_is_never_used_on_the_event_loop(spool, monkeypatch):
    threads: list[int] = []

    def watched(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object) -> object:
            threads.append(threading.get_ident())
            return real(*args)

        return call

    monkeypatch.setattr(os, "write", watched(os.write))
    monkeypatch.setattr(os, "pread", watched(os.pread))
    with await filled(spool, bytes(10 * MEMORY)) as upload:
        await everything(upload)
        await upload.inspect(lambda file: file.read())
    assert len(threads) > 3
    assert threading.get_ident() not in threads


async def test_readers_do_not_disturb_each_other(spool):
    data = os.urandom(2 * CHUNK + 100)
    with await filled(spool, data, piece=CHUNK) as upload:
        readings = await asyncio.gather(*(everything(upload) for _ in range(6)))
        assert all(reading == data for reading in readings)


@pytest.mark.parametrize("size", [MEMORY, 5 * MEMORY])
async def test_shows_a_seekable_file_before_and_after_the_end(spool, size):
    data = os.urandom(size)

    def look(file):
        assert file.tell() == 0
        assert file.seek(0, os.SEEK_END) == len(expected)
        assert file.seek(-7, os.SEEK_END) == len(expected) - 7
        assert file.read() == expected[-7:]
        assert file.seek(3) == 3
        assert file.read(5) == expected[3:8]
        return "seen"

    with spool.open("a.png") as file:
        expected = data[:-10]
        await file.append(expected)
        assert await file.inspect(look) == "seen"
        await file.append(data[-10:])
        expected = data
        assert await file.inspect(look) == "seen"
        await file.finish(lambda _: INFO)
        assert await everything(file) == data


@given(data=st.binary(max_size=50), moves=st.lists(st.tuples(st.integers(-60, 60), st.sampled_from([0, 1, 2]))))
def test_a_cursor_moves_as_a_file_in_memory_does(data, moves):
    with tempfile.TemporaryFile(buffering=0) as file:
        disk = SharedFile(file.fileno)
        disk.append(data)
        cursor, twin = _Cursor(disk, len(data)), io.BytesIO(data)
        for offset, whence in moves:
            if whence != os.SEEK_SET or offset >= 0:
                assert cursor.seek(offset, whence) == twin.seek(offset, whence)
            assert cursor.read(4) == twin.read(4)
            assert cursor.tell() == twin.tell()


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=9), max_size=8),
    moves=st.lists(st.tuples(st.integers(-60, 60), st.sampled_from([0, 1, 2]), st.integers(-1, 20))),
)
def test_pieces_are_leafed_through_as_a_whole_would_be(pieces, moves):
    leafing, twin = _Leafing(pieces), io.BytesIO(b"".join(pieces))
    for offset, whence, size in moves:
        if whence != os.SEEK_SET or offset >= 0:
            assert leafing.seek(offset, whence) == twin.seek(offset, whence)
        assert leafing.read(size) == twin.read(size)
        assert leafing.tell() == twin.tell()


async def test_what_the_examiner_raises_comes_through(spool):
    def refuse(_):
        raise InvalidImage("no picture")

    with spool.open("a.png") as file:
        await file.append(bytes(5 * MEMORY))
        with pytest.raises(InvalidImage):
            await file.finish(refuse)
        with pytest.raises(AssertionError, match="not finished"):
            _ = file.info


@pytest.mark.parametrize("size", [MEMORY, 5 * MEMORY])
async def test_use_after_close_is_refused(spool, size):
    upload = await filled(spool, bytes(size))
    upload.close()
    with pytest.raises(ValueError, match="closed"):
        await upload.append(b"x")
    with pytest.raises(ValueError, match="closed"):
        await upload.inspect(lambda file: file.read())
    with pytest.raises(ValueError, match="closed"):
        await everything(upload)


@pytest.mark.parametrize("memory", [0, 8 * CHUNK])
async def test_closing_stops_a_reading_half_way(tmp_path, memory):
    with await filled(Spool(tmp_path, memory=memory), bytes(2 * CHUNK), piece=CHUNK) as upload:
        chunks = upload.chunks()
        await anext(chunks)
    with pytest.raises(ValueError, match="closed"):
        await anext(chunks)


async def test_closing_frees_the_descriptor(spool):
    before = open_descriptors()
    uploads = [await filled(spool, bytes(5 * MEMORY)) for _ in range(3)]
    assert open_descriptors() == before + 3
    for upload in uploads:
        upload.close()
        upload.close()
    await threads_end()
    assert open_descriptors() == before


async def test_a_cancelled_write_leaves_no_descriptor(tmp_path):
    before = open_descriptors()
    opening, go_on = threading.Event(), threading.Event()

    def opener():
        opening.set()
        go_on.wait(5)
        return os.memfd_create("test")

    with SpooledFile("a.png", room=Room(0), disk=SharedFile(opener)) as file:
        writing = asyncio.create_task(file.append(b"x"))
        await asyncio.to_thread(opening.wait, 5)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    go_on.set()
    await threads_end()
    assert open_descriptors() == before


async def test_a_full_disk_is_our_failure():
    full = SharedFile(partial(os.open, "/dev/full", os.O_RDWR))
    with SpooledFile("a.png", room=Room(0), disk=full) as file, pytest.raises(WorkFailed) as caught:
        await file.append(b"x")
    assert caught.value.code == "storage_failed"


async def test_a_directory_that_cannot_be_is_our_failure(tmp_path):
    (tmp_path / "spool").write_bytes(b"in the way")
    with Spool(tmp_path / "spool", memory=0).open("a.png") as file, pytest.raises(WorkFailed):
        await file.append(b"x")


SPOOLING = """
import asyncio, sys
from pathlib import Path
from torana.storage.spool import Spool

async def main():
    with Spool(Path(sys.argv[1]), memory=10).open("a.png") as file:
        await file.append(bytes(100_000))
        print("spooled", flush=True)
        sys.stdin.read()

asyncio.run(main())
"""


def test_nothing_is_left_of_a_killed_process(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", SPOOLING, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"spooled\n"
        [descriptor] = [
            link for link in Path(f"/proc/{process.pid}/fd").iterdir() if str(link.readlink()).startswith(str(tmp_path))
        ]
        assert descriptor.stat().st_size == 100_000
        process.send_signal(signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []


async def test_who_knows_what_he_brings_gets_his_memory_or_goes_by_the_disk(tmp_path):
    spool = Spool(tmp_path, memory=8 * CHUNK)
    seat = await spool.seat(4 * CHUNK)
    assert seat is not None
    assert await spool.seat(4 * CHUNK) is None, "a quarter is nobody's seat"
    with await filled(spool, bytes(3 * CHUNK), piece=CHUNK) as without, spool.open("a.png", seat) as with_one:
        assert without.at_hand() is None
        for _ in range(4):
            await with_one.append(bytes(CHUNK))
        assert len(with_one.at_hand() or ()) == 4
        await with_one.append(bytes(CHUNK))
        assert with_one.at_hand() is None, "it brought more than it said"
    seat.leave()
    seat.leave()
    again = await spool.seat(5 * CHUNK)
    assert again is not None, "all that was taken came back"
    again.leave()


async def test_those_who_wait_for_memory_get_it_in_their_order():
    room = Room(1000, patience=60)
    first = await room.seat(700)
    assert first is not None
    got: list[int] = []

    async def ask(number: int, size: int) -> None:
        seat = await room.seat(size)
        assert seat is not None
        got.append(number)
        seat.leave()

    async with asyncio.TaskGroup() as asking:
        asking.create_task(ask(1, 600))
        await asyncio.sleep(0)
        asking.create_task(ask(2, 10))
        await asyncio.sleep(0)
        assert not got, "who comes later does not overtake"
        first.leave()
    assert got == [1, 2]
    assert room.left == 1000


async def test_more_than_there_is_does_not_wait():
    assert await Room(1000, patience=60).seat(751) is None


async def test_nobody_waits_for_ever_and_nothing_is_lost_of_those_who_go():
    room = Room(1000, patience=0.02)
    first = await room.seat(700)
    assert first is not None
    assert await room.seat(600) is None
    waiting = asyncio.create_task(room.seat(600))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait((waiting,))
    assert waiting.cancelled()
    # He is cancelled after it was given to him.
    waiting = asyncio.create_task(room.seat(600))
    await asyncio.sleep(0)
    first.leave()
    waiting.cancel()
    await asyncio.wait((waiting,))
    assert waiting.cancelled()
    assert room.left == 1000
    # He is cancelled just before it would be given to him.
    last = await room.seat(700)
    assert last is not None
    waiting = asyncio.create_task(room.seat(600))
    await asyncio.sleep(0)
    waiting.cancel()
    last.leave()
    await asyncio.wait((waiting,))
    assert waiting.cancelled()
    assert room.left == 1000


async def test_what_an_upload_without_a_seat_gives_back_is_for_those_who_wait(tmp_path):
    spool = Spool(tmp_path, memory=4 * CHUNK, patience=60)
    with await filled(spool, bytes(2 * CHUNK - ROOM_FOR_PIECES), piece=CHUNK) as upload:
        waiting = asyncio.create_task(spool.seat(2 * CHUNK))
        await asyncio.sleep(0.01)
        assert upload.at_hand() is not None
        assert not waiting.done()
    seat = await waiting
    assert seat is not None
    seat.leave()
