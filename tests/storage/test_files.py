import asyncio
import os
import threading
from functools import partial
from pathlib import Path

import pytest

from torana.core.errors import WorkFailed
from torana.storage.files import CHUNK, SharedFile, in_thread


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


@pytest.fixture
async def file(path):
    shared = SharedFile(partial(os.open, path, os.O_RDWR | os.O_CREAT))
    yield shared
    shared.close()


async def threads_end() -> None:
    await asyncio.get_running_loop().shutdown_default_executor()


def is_open(descriptor: int) -> bool:
    return Path(f"/proc/self/fd/{descriptor}").exists()


async def test_nothing_is_opened_before_the_first_use(file, path):
    assert not path.exists()
    file.append(b"x")
    assert path.read_bytes() == b"x"


async def test_appends_follow_each_other_and_reads_take_any_place(file):
    file.append(b"hello ")
    file.append(bytearray(b"world"))
    assert file.read(4, 5) == b"o wor"
    assert file.read(6, 100) == b"world"


async def test_a_write_that_the_system_cuts_short_goes_on(file, path, monkeypatch):
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, bytes(data[:3])))
    file.append(b"0123456789")
    assert path.read_bytes() == b"0123456789"


async def test_chunks_stop_at_the_size_asked_for(file):
    file.append(bytes(CHUNK) + b"tail" + b"beyond")
    sizes = [len(chunk) async for chunk in file.chunks(CHUNK + 4)]
    assert sizes == [CHUNK, 4]


async def test_the_descriptor_outlives_the_owner_until_its_last_user_is_done(file):
    with file._held() as descriptor:
        file.close()
        await threads_end()
        assert is_open(descriptor)
    assert not is_open(descriptor)


async def test_the_owner_closes_what_nobody_uses_and_not_on_the_event_loop(file, monkeypatch):
    file.append(b"x")
    threads: list[int] = []
    close = os.close

    def watched(descriptor: int) -> None:
        threads.append(threading.get_ident())
        close(descriptor)

    monkeypatch.setattr(os, "close", watched)
    file.close()
    await threads_end()
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_use_after_close_is_refused(file):
    file.append(b"x")
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.read(0, 1)
    with pytest.raises(ValueError, match="closed"):
        file.append(b"y")


async def test_closing_twice_closes_nobody_elses_file(file, path):
    file.append(b"x")
    with file._held() as descriptor:
        file.close()
    file.close()
    await threads_end()
    with path.open("rb") as other:  # takes the free number
        assert other.fileno() == descriptor
        file.close()
        assert is_open(other.fileno())


async def test_a_file_that_cannot_be_opened_says_so_and_closes(tmp_path):
    file = SharedFile(partial(os.open, tmp_path / "none" / "file", os.O_RDONLY))
    with pytest.raises(FileNotFoundError):
        file.read(0, 1)
    file.close()


async def test_a_full_disk_fails_without_telling_our_inside():
    file = SharedFile(partial(os.open, "/dev/full", os.O_RDWR))
    with pytest.raises(WorkFailed) as caught:
        await in_thread(file.append, b"x")
    file.close()
    assert (caught.value.status, caught.value.code, caught.value.reason) == (500, "storage_failed", "ENOSPC")
    assert "space" not in caught.value.message
    assert isinstance(caught.value.__cause__, OSError)


async def test_other_errors_stay_what_they_are():
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 1, 0)
