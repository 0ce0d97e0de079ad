import pytest
from msgspec import structs

from tests.providers.kit import Photo, photo
from torana.core.content import Size
from torana.core.exchange import Context
from torana.families.images import EDIT, ImageRequest
from torana.media.jobs.preparing import Demands
from torana.providers.base import Lent
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.asking import Asking
from torana.providers.imaging.sources import sent

pytestmark = pytest.mark.asyncio(loop_scope="session")
REQUEST = ImageRequest("m", (photo(64, 48), photo(32, 32)))
ASKED = Asking(asks=(), demands=Demands(), sources=1, kind="", emulated=(), ignored=())
CONTEXT = Context("ada")
STREAMED = Ability(frozenset(), inline=False)


async def test_a_picture_that_will_do_goes_as_it_came_and_is_streamed_where_it_can_be(lent: Lent) -> None:
    pictures, mask = await sent(lent, REQUEST, ASKED, STREAMED, context=CONTEXT)
    assert [each.content for each in pictures] == [REQUEST.images[0]]
    assert mask is None


async def test_bytes_are_at_hand_where_they_are_needed(lent: Lent) -> None:
    (picture,), _ = await sent(lent, REQUEST, ASKED, Ability(frozenset()), context=CONTEXT)
    assert picture.data == photo(64, 48).data
    assert picture.data_uri().startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("source", "demands", "size"),
    [
        (photo(64, 48), Demands(exact=Size(40, 40)), Size(40, 40)),
        (photo(64, 48), Demands(square=True), Size(48, 48)),
        (photo(64, 48, "BMP"), Demands(), Size(64, 48)),
        (photo(64, 48), Demands(formats=("jpeg",)), Size(64, 48)),
    ],
)
async def test_any_other_is_prepared(lent: Lent, source: Photo, demands: Demands, size: Size) -> None:
    request = structs.replace(REQUEST, images=(source,))
    (picture,), _ = await sent(lent, request, structs.replace(ASKED, demands=demands), STREAMED, context=CONTEXT)
    assert picture.content is not source
    assert picture.info.size == size
    assert picture.info.format in demands.formats
    assert picture.info.bare


async def test_a_mask_goes_with_its_picture_where_the_model_takes_one(lent: Lent) -> None:
    request = structs.replace(REQUEST, operation=EDIT, mask=photo(64, 48, mode="RGBA"))
    asked = structs.replace(ASKED, demands=Demands(exact=Size(32, 32)), sources=2)
    pictures, mask = await sent(lent, request, asked, Ability(frozenset(), mask=True), context=CONTEXT)
    assert mask is not None
    assert [each.info.size for each in (*pictures, mask)] == [Size(32, 32)] * 3
    assert (await sent(lent, request, asked, Ability(frozenset()), context=CONTEXT))[1] is None
