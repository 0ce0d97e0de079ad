"""What holds of every store of responses."""

import pytest

from tests.storage.responses.conftest import HOUR
from torana.storage.objects.port import Swept
from torana.storage.responses.port import NAME

ONE, TWO = "1" * 64, "a2" * 32


async def test_what_is_kept_is_found_under_its_name_alone(shelf):
    await shelf.put(ONE, b"one")
    assert await shelf.get(ONE) == b"one"
    assert await shelf.get(TWO) is None


async def test_the_last_word_under_a_name_counts(shelf):
    await shelf.put(ONE, b"one")
    await shelf.put(ONE, b"two")
    assert await shelf.get(ONE) == b"two"


async def test_what_is_removed_is_gone(shelf):
    await shelf.put(ONE, b"one")
    await shelf.put(TWO, b"two")
    await shelf.remove(ONE)
    await shelf.remove(ONE)
    assert await shelf.get(ONE) is None
    assert await shelf.get(TWO) == b"two"


async def test_what_expired_is_not_found_and_goes(shelf, clock):
    await shelf.put(ONE, b"one")
    clock.advance(HOUR + 2)
    assert await shelf.get(ONE) is None
    await shelf.put(TWO, b"two") if shelf.__module__.endswith("directory") else None
    assert await shelf.sweep() == Swept(expired=1)
    assert await shelf.sweep() == Swept()


@pytest.mark.parametrize("name", ["", "../x", "A" * 64, "1" * 65])
async def test_no_other_name_is_taken(shelf, name):
    for step in (shelf.get(name), shelf.remove(name), shelf.put(name, b"x")):
        with pytest.raises(ValueError, match="no name"):
            await step


def test_names_are_hexadecimal():
    assert NAME.fullmatch(ONE)
    assert not NAME.fullmatch("x" * 64)
