"""What holds for every store of pictures."""

import asyncio
import os

import pytest

from torana.core.errors import WorkFailed
from torana.storage.objects.bucket import PIECE
from torana.storage.objects.port import Place, StoredObject, Swept


async def everything(stored: StoredObject | None) -> bytes:
    assert stored is not None
    return b"".join([chunk async for chunk in stored.chunks()])


@pytest.mark.parametrize(
    ("extension", "media_type"),
    [("png", "image/png"), ("jpg", "image/jpeg"), ("jpeg", "image/jpeg"), ("webp", "image/webp")],
)
async def test_gives_back_what_was_put(stage, extension, media_type):
    data = os.urandom(999)
    name = await stage.objects.put(data, extension=extension, expires=stage.clock.now() + 0.5)
    stored = await stage.another.open(name)
    assert stored is not None
    assert (stored.media_type, stored.size, stored.expires) == (media_type, len(data), stage.clock.now() + 1)
    assert await everything(stored) == data


@pytest.mark.parametrize("size", [1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 5])
async def test_a_picture_comes_whole_and_in_pieces_as_often_as_asked(stage, size):
    data = os.urandom(size)
    name = await stage.objects.put(data, extension="png", expires=stage.clock.now() + 1)
    stored = await stage.objects.open(name)
    assert stored is not None
    assert await everything(stored) == data
    chunks = [chunk async for chunk in stored.chunks()]
    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= PIECE


async def test_an_extension_of_no_picture_is_a_mistake(stage):
    with pytest.raises(ValueError, match="html"):
        await stage.objects.put(b"x", extension="html", expires=stage.clock.now() + 1)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda name: f"../pictures/{name}",
        lambda name: f"{name}\n",
        lambda name: name.replace(".png", ".html"),
        lambda name: name.replace(".png", ".jpg"),
        lambda name: name.replace("1800003600", "1900000000"),
        lambda name: name.replace("-1-", "-2-"),
        lambda _: "alien.txt",
        lambda _: "",
    ],
)
async def test_only_exact_names_open(stage, spoil):
    name = await stage.put(1)
    await stage.plant("alien.txt", b"not ours")
    assert await stage.objects.open(spoil(name)) is None


async def test_a_picture_of_another_length_than_its_name_says_is_not_served(stage):
    name = await stage.put(100)
    await stage.plant(name, bytes(99))
    assert await stage.objects.open(name) is None


async def test_expired_pictures_are_gone_before_the_sweep(stage):
    name = await stage.put(ttl=10)
    stage.clock.advance(9.9)
    assert await stage.objects.open(name)
    stage.clock.advance(0.1)
    assert await stage.objects.open(name) is None


async def test_a_picture_removed_is_not_there(stage):
    name = await stage.put()
    await stage.remove(name)
    assert await stage.objects.open(name) is None


async def test_a_picture_that_goes_while_it_is_read_fails_or_comes_whole(stage):
    name = await stage.put(2 * PIECE)
    stored = await stage.objects.open(name)
    await stage.remove(name)
    with pytest.raises(WorkFailed) as caught:
        await everything(stored)
    assert caught.value.code == "storage_failed"


async def test_a_sweep_removes_what_expired_and_no_more(stage):
    await stage.put(ttl=10)
    await stage.put(ttl=20)
    kept = await stage.put(ttl=30)
    await stage.plant("0-alien.txt", b"not ours")
    await stage.plant("alien.txt", b"not ours")
    stage.clock.advance(20)
    assert await stage.objects.sweep() == Swept(expired=2)
    assert sorted(await stage.names()) == ["0-alien.txt", kept, "alien.txt"]
    assert await stage.objects.sweep() == Swept()


async def test_a_sweep_of_nothing_is_fine(stage):
    assert await stage.objects.sweep() == Swept()


async def test_several_may_sweep_at_once(stage):
    for _ in range(20):
        await stage.put(ttl=10)
    kept = await stage.put(ttl=30)
    stage.clock.advance(20)
    await asyncio.gather(*(store.sweep() for store in [stage.objects, stage.another] * 3))
    assert await stage.names() == [kept]


async def test_says_that_it_takes_pictures_and_leaves_nothing_for_good(stage):
    assert await stage.objects.writable()
    await stage.objects.sweep()
    assert await stage.names() == []


def test_keys_are_not_shown():
    assert "secret" not in repr(Place("s3://pictures", key_id="secret id", key="secret"))
