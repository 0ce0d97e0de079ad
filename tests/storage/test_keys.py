import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from torana.storage import keys
from torana.storage.keys import UnsafeKey, load_or_create_key


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "signing.key"


def test_a_key_is_made_once(path):
    key = load_or_create_key(path)
    assert len(bytes.fromhex(key.decode())) == 32
    assert load_or_create_key(path) == key
    assert list(path.parent.iterdir()) == [path]


def test_keys_differ(tmp_path):
    assert load_or_create_key(tmp_path / "one") != load_or_create_key(tmp_path / "two")


def test_nobody_else_may_read_it_whatever_the_umask(path):
    mask = os.umask(0)
    try:
        load_or_create_key(path)
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_all_that_start_at_once_get_the_same_key(path, monkeypatch):
    barrier = threading.Barrier(8)
    create = keys._create

    def create_together(path):
        barrier.wait(5)  # all of them have found no key
        create(path)

    monkeypatch.setattr(keys, "_create", create_together)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(load_or_create_key, [path] * 8))
    assert len(set(found)) == 1
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_that_others_may_touch_is_refused(path, mode):
    load_or_create_key(path)
    path.chmod(mode)
    with pytest.raises(UnsafeKey, match=f"{path} .*0{mode:o}.*chmod 600 {path}"):
        load_or_create_key(path)


def test_a_stricter_mode_is_fine(path):
    key = load_or_create_key(path)
    path.chmod(0o400)
    assert load_or_create_key(path) == key


@pytest.mark.parametrize("size", [0, 31])
def test_a_short_key_is_refused(tmp_path, size):
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_bytes(bytes(size))
    with pytest.raises(UnsafeKey, match=f"{path} holds {size} bytes.*at least 32.*Delete"):
        load_or_create_key(path)


def test_an_operators_longer_key_is_taken_whole(tmp_path):
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_bytes(b"k" * 64)
    assert load_or_create_key(path) == b"k" * 64


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "data").write_bytes(b"in the way")
    with pytest.raises(OSError, match="data"):
        load_or_create_key(tmp_path / "data" / "key")
