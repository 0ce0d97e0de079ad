"""Fitting a picture to an exact size: what the gateway asks of its workers."""

from typing import Final

import msgspec

from torana.core.content import OutputFormat, Picture, PictureInfo, Size
from torana.media.job import Job, Runner, Source

FUNCTION: Final = "torana.media.jobs.fitter:fit_picture"
"""The job that does it, in a module of its own because it needs Pillow and the gateway must not load it."""


class Fitting(msgspec.Struct, frozen=True):
    """The job's parameters: the size asked for, in pixels, and the most pixels that the source may have."""

    width: int
    height: int
    output_format: OutputFormat
    max_pixels: int


async def fit(workers: Runner, source: Source, *, size: Size, output_format: OutputFormat, max_pixels: int) -> Picture:
    """The middle of the source, as much as has the shape of ``size``, at exactly that size.

    InvalidImage when the source is none that we can decode; else as ``Workers.run``.
    """
    params = msgspec.msgpack.encode(Fitting(size.width, size.height, output_format, max_pixels))
    made = await workers.run(Job(FUNCTION, params, (source,)))
    return Picture(made.blobs[0], PictureInfo(output_format, size))
