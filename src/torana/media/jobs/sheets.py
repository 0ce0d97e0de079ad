"""Contact sheets: what the gateway's side asks of the workers."""

from collections.abc import Sequence
from typing import Final

import msgspec

from torana.media.job import Job, Runner, Source

FUNCTION: Final = "torana.media.jobs.sheet:lay_out"
"""The job that does it, in a module of its own because it needs Pillow."""
_TILE = 256


class Sheet(msgspec.Struct, frozen=True):
    """The job's parameters: pixels of a tile's side, a caption for each picture, and the most pixels one may have."""

    tile: int
    captions: tuple[str, ...]
    max_pixels: int


async def contact_sheet(
    workers: Runner, pictures: Sequence[Source], captions: Sequence[str], *, max_pixels: int
) -> bytes:
    """The pictures in one row over their captions, as a PNG; InvalidImage when one cannot be decoded."""
    params = msgspec.msgpack.encode(Sheet(_TILE, tuple(captions), max_pixels))
    made = await workers.run(Job(FUNCTION, params, tuple(pictures)))
    return made.blobs[0]
