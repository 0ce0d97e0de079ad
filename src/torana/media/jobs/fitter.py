"""Fitting a picture to an exact size: the job, as a worker does it."""

import msgspec

from torana.core.content import Size
from torana.media.codec import decode, encode, fit
from torana.media.job import Made
from torana.media.jobs.fitting import Fitting


def fit_picture(params: bytes, sources: list[bytes]) -> Made:
    """Decode the only source, fit it, encode it; ``params`` is a Fitting in MessagePack."""
    asked = msgspec.msgpack.decode(params, type=Fitting)
    size = Size(asked.width, asked.height)
    picture = decode(sources[0], max_pixels=asked.max_pixels, target=size)
    return Made(blobs=(encode(fit(picture, size), asked.output_format),))
