import pytest

from torana.core.errors import WorkFailed
from torana.storage.objects.port import Swept
from torana.storage.responses import sealed as module
from torana.storage.responses.sealed import Sealed

ONE, TWO = "1" * 64, "2" * 64
SECRET = b"what nobody else may read " * 20


class Dictionary:
    def __init__(self):
        self.kept = {}

    async def put(self, name, data):
        self.kept[name] = data

    async def get(self, name):
        return self.kept.get(name)

    async def remove(self, name):
        self.kept.pop(name, None)

    async def sweep(self):
        return Swept(1)


@pytest.fixture
def kept():
    return Dictionary()


@pytest.mark.parametrize("key", [None, b"a key"])
async def test_what_is_kept_comes_back_and_takes_less_room(kept, key):
    shelf = Sealed(kept, key)
    await shelf.put(ONE, SECRET)
    assert await shelf.get(ONE) == SECRET
    assert len(kept.kept[ONE]) < len(SECRET)
    assert await shelf.get(TWO) is None
    assert await shelf.sweep() == Swept(1)
    await shelf.remove(ONE)
    assert await shelf.get(ONE) is None


async def test_with_a_key_nobody_reads_it_without(kept):
    await Sealed(kept, b"a key").put(ONE, b"what nobody else may read")
    assert b"nobody" not in kept.kept[ONE]
    assert await Sealed(kept, b"another").get(ONE) is None
    assert await Sealed(kept, None).get(ONE) is None


async def test_what_was_moved_or_changed_does_not_open(kept):
    shelf = Sealed(kept, b"a key")
    await shelf.put(ONE, SECRET)
    kept.kept[TWO] = kept.kept[ONE]
    assert await shelf.get(TWO) is None
    kept.kept[ONE] = kept.kept[ONE][:-1] + bytes([kept.kept[ONE][-1] ^ 1])
    assert await shelf.get(ONE) is None


async def test_with_a_key_nothing_counts_that_is_not_sealed_with_it(kept):
    await Sealed(kept, None).put(ONE, SECRET)
    assert await Sealed(kept, b"a key").get(ONE) is None


@pytest.mark.parametrize("data", [b"", b"\1", b"\1rubbish", b"\2short", b"\3"])
async def test_rubbish_is_nothing(kept, data):
    kept.kept[ONE] = data
    assert await Sealed(kept, None).get(ONE) is None
    assert await Sealed(kept, b"a key").get(ONE) is None


async def test_what_is_too_large_is_neither_kept_nor_opened(kept, monkeypatch):
    shelf = Sealed(kept, None)
    await shelf.put(ONE, SECRET)
    monkeypatch.setattr(module, "MOST", len(SECRET) - 1)
    assert await shelf.get(ONE) is None
    with pytest.raises(WorkFailed):
        await shelf.put(TWO, SECRET)
