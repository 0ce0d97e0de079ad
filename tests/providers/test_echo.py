import dataclasses

import pytest
from PIL import ImageChops

from tests.media.samples import picture as drawn
from tests.providers.kit import CONTEXT, opened, photo
from torana.config.upstreams import Account
from torana.core.content import Size
from torana.core.errors import InvalidRequest
from torana.families.images import VARIATIONS, ImageRequest
from torana.providers.echo import DECLARATIONS

pytestmark = pytest.mark.asyncio(loop_scope="session")
ASKED = ImageRequest(model="echo", images=(photo(), photo(64, 64)), size=Size(37, 23))


async def vary(lent, request: ImageRequest):
    (declared,) = DECLARATIONS
    provider = declared.build(Account(type="echo"), None, lent)
    assert set(provider.operations) == declared.operations(declared.models[0])
    return await provider.operations[VARIATIONS.operation](request, "echo", CONTEXT)


async def test_the_first_source_comes_back_n_times(lent):
    reply = await vary(lent, dataclasses.replace(ASKED, n=3))
    assert reply.body.created == 1_800_000_000
    assert len(reply.body.pictures) == 3
    assert reply.usage.images == 3
    assert reply.emulated == ("variation",)
    assert (reply.ignored, reply.shortfall) == ((), 0)
    shown = opened(reply.body.pictures[0]).convert("RGB")
    assert ImageChops.difference(shown, drawn()).getbbox() is None


@pytest.mark.parametrize(("asked", "made"), [(Size(64, 48), Size(64, 48)), (None, Size(37, 23))])
async def test_at_the_size_asked_for_or_its_own(lent, asked, made):
    reply = await vary(lent, dataclasses.replace(ASKED, size=asked))
    opened(reply.body.pictures[0])
    assert reply.body.pictures[0].info.size == made


@pytest.mark.parametrize("output_format", ["png", "webp", "jpeg"])
async def test_in_the_format_asked_for(lent, output_format):
    reply = await vary(
        lent, dataclasses.replace(ASKED, output_format=output_format, extensions=frozenset({"output_format"}))
    )
    opened(reply.body.pictures[0])
    assert reply.body.pictures[0].info.format == output_format
    assert reply.ignored == ()


async def test_it_knows_nothing_of_seed_and_strength(lent):
    reply = await vary(lent, dataclasses.replace(ASKED, extensions=frozenset({"strength", "seed", "output_format"})))
    assert reply.ignored == ("seed", "strength")


async def test_a_size_that_cannot_be_made_is_the_callers_mistake(lent):
    with pytest.raises(InvalidRequest):
        await vary(lent, dataclasses.replace(ASKED, size=Size(5000, 5000)))
