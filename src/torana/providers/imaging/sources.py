"""The client's pictures, as an upstream takes them."""

from torana.core.content import Upload
from torana.core.exchange import Context
from torana.core.together import all_or_none
from torana.dialects.steps import Sent
from torana.families.images import ImageRequest
from torana.providers.base import Lent
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.asking import Asking


async def sent(
    lent: Lent, request: ImageRequest, asked: Asking, ability: Ability, *, context: Context
) -> tuple[tuple[Sent, ...], Sent | None]:
    """The pictures that go along, and the mask: as they came where that will do, else prepared by the workers.

    One that goes as it came may still be on its way. All others are waited for first: no worker is to stand by.
    """
    pictures, caller = request.images[: asked.sources], context.caller
    if len(request.images) > asked.sources or request.mask is not None or ability.inline:
        await context.coming.arrived()

    async def one(upload: Upload) -> Sent:
        if asked.demands.met_by(upload.info, upload.size):
            whole = b"".join([chunk async for chunk in upload.chunks()]) if ability.inline else upload
            return Sent(whole, upload.info)
        await context.coming.arrived()
        prepared = await lent.prepared(upload, asked.demands, caller=caller)
        return Sent(prepared.data, prepared.info)

    if request.mask is None or not ability.mask:
        if len(pictures) == 1:
            return (await one(pictures[0]),), None
        return tuple(await all_or_none(one(upload) for upload in pictures)), None
    picture, mask = await lent.prepared_with_mask(pictures[0], request.mask, asked.demands, caller=caller)
    others = await all_or_none(one(upload) for upload in pictures[1:])
    return (Sent(picture.data, picture.info), *others), Sent(mask.data, mask.info)
