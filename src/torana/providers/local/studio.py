"""The embedded engine as a provider: a picture in, n pictures out, each made by a worker."""

import secrets
from collections.abc import Mapping
from decimal import Decimal

import msgspec
from msgspec import structs

from torana.core.content import Picture, PictureInfo, Size
from torana.core.errors import InvalidRequest
from torana.core.exchange import Context, Reply, Target
from torana.core.together import all_or_none
from torana.families.images import DEFAULT_STRENGTH, EDIT, MAX_SEED, OUTPUT_FORMATS, VARY, ImageRequest, Pictures
from torana.media.batch import make_all
from torana.media.job import Job
from torana.media.marks import SourceType
from torana.providers.base import Lent, Operation
from torana.providers.imaging.ability import FREE, Ability, Scale, free
from torana.providers.local.job import FUNCTION, Parameters
from torana.providers.sizes import chosen_size

MODEL = "patchwork"
_SEED_BITS = 62
ABILITY = Ability(
    frozenset({VARY, EDIT}),
    most=10,
    sources=16,
    prompted=False,
    strength=Scale(0.0, 1.0),
    most_seed=MAX_SEED,
    formats=frozenset(OUTPUT_FORMATS),
    price=FREE,
)


class Studio:
    """Makes variations with the embedded engine."""

    def __init__(self, lent: Lent) -> None:
        self._lent = lent
        self.operations: Mapping[str, Operation] = {VARY: self.vary, EDIT: self.edit}

    async def vary(self, request: ImageRequest, _model: str, context: Context) -> Reply[Pictures]:
        """N variations, all or none; the same seed gives the same pictures."""
        await context.coming.arrived()
        size = chosen_size(request.size, request.images[0].info.size)
        seed = secrets.randbits(_SEED_BITS) if request.seed is None else request.seed
        jobs = [
            Job(FUNCTION, self._parameters(request, size=size, seed=seed, index=index), request.images, context.caller)
            for index in range(request.n)
        ]
        made = await make_all(self._lent.workers, jobs, within=self._lent.work_deadline, on_each=context.on_picture)
        info = PictureInfo(request.output_format, size)
        plain = [Picture(each.blobs[0], info) for each in made]
        pictures = await all_or_none(
            self._lent.marked(picture, SourceType.ALTERED, caller=context.caller) for picture in plain
        )
        return Reply(Pictures(int(self._lent.clock.now()), tuple(pictures)), usage=free(len(pictures)))

    async def edit(self, request: ImageRequest, model: str, context: Context) -> Reply[Pictures]:
        """An edit that says nothing of what to change: a variation. InvalidRequest for words or a mask."""
        if request.prompt is not None:
            raise InvalidRequest(
                "The embedded engine follows no words: leave out 'prompt', or name a model that does.",
                param="prompt",
                code="unsupported_parameter",
            )
        if request.mask is not None:
            raise InvalidRequest("The embedded engine takes no mask.", param="mask", code="unsupported_parameter")
        reply = await self.vary(request, model, context)
        told = ("edit", "stream") if request.stream else ("edit",)
        return structs.replace(reply, emulated=(*told, *reply.emulated), ignored=tuple(sorted(request.wishes)))

    def worst(self, _request: ImageRequest, _target: Target) -> Decimal | None:
        """Nothing, whatever is asked for."""
        return Decimal(0)

    def _parameters(self, request: ImageRequest, *, size: Size, seed: int, index: int) -> bytes:
        parameters = Parameters(
            width=size.width,
            height=size.height,
            seed=seed,
            index=index,
            n=request.n,
            strength=DEFAULT_STRENGTH if request.strength is None else request.strength,
            output_format=request.output_format,
            max_pixels=self._lent.max_pixels,
        )
        return msgspec.json.encode(parameters)
