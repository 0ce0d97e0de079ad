"""The embedded engine as a provider: a picture in, n pictures out, each made by a worker."""

import secrets
from collections.abc import Mapping

import msgspec

from torana.core.content import Picture, PictureInfo, Size
from torana.core.exchange import Context, Reply, Usage
from torana.families.images import DEFAULT_STRENGTH, VARIATIONS, Pictures, VariationRequest
from torana.media.batch import make_all
from torana.media.job import Job
from torana.providers.base import Lent, Operation
from torana.providers.local.job import FUNCTION, Parameters
from torana.providers.sizes import chosen_size

MODEL = "patchwork"
_SEED_BITS = 62


class Studio:
    """Makes variations with the embedded engine."""

    def __init__(self, lent: Lent) -> None:
        self._lent = lent
        self.operations: Mapping[str, Operation] = {VARIATIONS.operation: self.vary}

    async def vary(self, request: VariationRequest, _model: str, context: Context) -> Reply[Pictures]:
        """N variations, all or none; the same seed gives the same pictures."""
        size = chosen_size(request.size, request.images[0].info.size)
        seed = secrets.randbits(_SEED_BITS) if request.seed is None else request.seed
        jobs = [
            Job(FUNCTION, self._parameters(request, size=size, seed=seed, index=index), request.images, context.caller)
            for index in range(request.n)
        ]
        made = await make_all(self._lent.workers, jobs, within=self._lent.work_deadline, on_each=context.on_picture)
        info = PictureInfo(request.output_format, size)
        pictures = tuple(Picture(each.blobs[0], info) for each in made)
        return Reply(Pictures(int(self._lent.clock.now()), pictures), usage=Usage(images=len(pictures)))

    def _parameters(self, request: VariationRequest, *, size: Size, seed: int, index: int) -> bytes:
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
