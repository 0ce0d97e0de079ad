import asyncio
import dataclasses

import msgspec
import pytest

from tests.providers.kit import CONTEXT, Photo, opened, photo
from torana.config.upstreams import Account
from torana.core.content import Size
from torana.core.errors import DeadlineExceeded, InvalidImage, InvalidRequest, Overloaded
from torana.core.exchange import Reply
from torana.families.images import EDIT, VARIATIONS, ImageRequest, Pictures
from torana.media.workers import Workers
from torana.providers.local import DECLARATIONS, work
from torana.providers.local.job import Parameters

pytestmark = pytest.mark.asyncio(loop_scope="session")
SOURCE = photo(90, 60)
ASKED = ImageRequest(model="patchwork", images=(SOURCE,), size=Size(64, 64), seed=1)


async def vary(lent, context=CONTEXT, **changes) -> Reply[Pictures]:
    (declared,) = DECLARATIONS
    provider = declared.build(Account(type="local"), None, lent)
    request = msgspec.structs.replace(ASKED, **changes)
    reply: Reply[Pictures] = await provider.operations[VARIATIONS.operation](request, "patchwork", context)
    return reply


def data(reply: Reply[Pictures]) -> list[bytes]:
    return [picture.data for picture in reply.body.pictures]


async def test_n_different_pictures_at_that_size(lent):
    reply = await vary(lent, n=3)
    assert reply.body.created == 1_800_000_000
    assert [opened(picture).size for picture in reply.body.pictures] == [(64, 64)] * 3
    assert len(set(data(reply))) == 3
    assert reply.usage.images == 3
    assert (reply.emulated, reply.ignored, reply.shortfall) == ((), (), 0)


async def test_each_is_the_work_of_its_place_among_n(lent):
    asked = Parameters(64, 64, seed=1, index=0, n=3, strength=0.5, output_format="png", max_pixels=lent.max_pixels)
    placed = [msgspec.json.encode(msgspec.structs.replace(asked, index=index)) for index in range(3)]
    made = [work.vary(parameters, [SOURCE.data]).blobs[0] for parameters in placed]
    assert data(await vary(lent, n=3)) == made


async def test_the_same_seed_gives_the_same_pictures_in_their_order(lent):
    assert data(await vary(lent, n=2)) == data(await vary(lent, n=2))


async def test_without_a_seed_they_differ_from_call_to_call(lent):
    assert data(await vary(lent, seed=None)) != data(await vary(lent, seed=None))


async def test_strength_counts_and_has_a_default(lent):
    default, half, bold = [data(await vary(lent, strength=strength)) for strength in (None, 0.5, 1.0)]
    assert default == half != bold


@pytest.mark.parametrize("output_format", ["webp", "jpeg"])
async def test_in_the_format_asked_for(lent, output_format):
    (picture,) = (await vary(lent, output_format=output_format)).body.pictures
    opened(picture)
    assert picture.info.format == output_format


async def test_auto_is_the_first_sources_size(lent):
    (picture,) = (await vary(lent, size=None, images=(photo(90, 60), photo(64, 64)))).body.pictures
    assert opened(picture).size == (90, 60)


async def test_each_picture_is_told_of_as_it_is_done(lent):
    told: list[int] = []
    await vary(lent, msgspec.structs.replace(CONTEXT, on_picture=lambda: told.append(1)), n=3)
    assert len(told) == 3


async def test_a_size_that_cannot_be_made_costs_nothing(lent):
    with pytest.raises(InvalidRequest):
        await vary(dataclasses.replace(lent, workers=None), size=Size(8, 8))


async def test_a_broken_source_is_the_callers(lent):
    with pytest.raises(InvalidImage) as refused:
        await vary(lent, images=(Photo(photo(90, 60).data[:-40]),), n=2)
    assert refused.value.param == "image"


async def test_too_many_pixels_are_not_decoded(lent):
    with pytest.raises(InvalidImage):
        await vary(dataclasses.replace(lent, max_pixels=90 * 60 - 1))


async def test_a_queue_without_room_for_all_takes_none(lent):
    small = Workers(count=1, queue=1, memory=512 << 20)
    with pytest.raises(Overloaded) as refused:
        await vary(dataclasses.replace(lent, workers=small), n=3)
    assert refused.value.retry_after


async def test_pictures_have_their_time_and_no_more(lent):
    with pytest.raises(DeadlineExceeded):
        await vary(dataclasses.replace(lent, work_deadline=0.0))


async def test_who_leaves_takes_the_work_along(lent):
    one = asyncio.Event()
    made = asyncio.create_task(vary(lent, msgspec.structs.replace(CONTEXT, on_picture=one.set), n=10))
    await one.wait()
    made.cancel()
    with pytest.raises(asyncio.CancelledError):
        await made
    assert lent.workers._free == lent.workers._places


async def test_an_edit_without_words_is_a_variation(lent):
    provider = DECLARATIONS[0].build(Account(type="local"), None, lent)
    asked = msgspec.structs.replace(ASKED, operation=EDIT, wishes={"quality": "high"})
    reply = await provider.operations[EDIT](asked, "patchwork", CONTEXT)
    assert (len(reply.body.pictures), reply.emulated, reply.ignored) == (1, ("edit",), ("quality",))


@pytest.mark.parametrize("more", [{"prompt": "add a hat"}, {"mask": SOURCE}])
async def test_words_and_masks_are_refused_by_name(lent, more):
    provider = DECLARATIONS[0].build(Account(type="local"), None, lent)
    with pytest.raises(InvalidRequest) as refused:
        await provider.operations[EDIT](msgspec.structs.replace(ASKED, operation=EDIT, **more), "patchwork", CONTEXT)
    assert refused.value.param == next(iter(more))
