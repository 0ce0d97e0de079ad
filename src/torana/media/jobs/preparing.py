"""Preparing a source picture for an upstream: what upstreams demand, and what the gateway asks of its workers."""

import io
import math
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec

from torana.core.content import OutputFormat, PictureInfo, Size
from torana.media.job import InMemory, Job, Made, Runner, Source
from torana.media.probe import probe

FUNCTION: Final = "torana.media.jobs.preparer:prepare_picture"
"""The job that does it, in a module of its own because it needs Pillow and the gateway must not load it."""

_LONGEST_SIDE = 65_535


class Demands(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """What an upstream demands of a source picture; by default nothing but a usual format.

    The bounds must leave room for each other: a multiple between the least and the most side, say.
    """

    formats: tuple[OutputFormat, ...] = ("png", "jpeg", "webp")
    """What it reads; of two that serve a picture equally well the first is taken."""
    max_bytes: int = sys.maxsize
    max_pixels: int = _LONGEST_SIDE**2
    least_side: int = 1
    """Of the shorter side, in pixels."""
    most_side: int = _LONGEST_SIDE
    """Of the longer side, in pixels."""
    steepest: float = math.inf
    """The longer side by the shorter, at most."""
    multiple: int = 1
    """What both sides must be multiples of."""
    square: bool = False
    opaque: bool = False
    """Whether transparency must be gone; it is laid on white."""
    exact: Size | None = None
    """The only size it takes; the other bounds on size then mean nothing."""

    def met_by(self, info: PictureInfo, length: int) -> bool:
        """Whether a picture of ``length`` bytes may be sent as it is: it fits, and tells nothing that it need not."""
        return (
            info.bare
            and info.format in self.formats
            and length <= self.max_bytes
            and (info.opaque or not self.opaque)
            and info.size == _kept(self, info.size)
        )

    def size_for(self, size: Size) -> Size:
        """The size to bring a picture to: its own where that will do, else the nearest in shape, then in pixels.

        Where the shape is not kept, what stands out is to be cropped, never padded: to a model, bars are part of the
        picture, and they would come back in all that it makes of it.
        """
        if self.exact:
            return self.exact
        short, long = sorted((size.width, size.height))
        widest = min(long, short if self.square else short * self._steepest)
        scale = min(1, self.most_side / widest, math.sqrt(self.max_pixels / (short * widest)))
        scale = max(scale, self.least_side / short)
        low = self._up(self.least_side)
        high = self._down(min(self.most_side, math.isqrt(self.max_pixels)))
        shorter = max(low, min(self._nearest(short * scale), high))
        bound = self._down(min(self.most_side, self.max_pixels // shorter, shorter * self._steepest))
        longer = shorter if self.square else max(shorter, min(self._nearest(widest * scale), bound))
        return Size(shorter, longer) if size.width <= size.height else Size(longer, shorter)

    @property
    def _steepest(self) -> float:
        """The steepest that the bounds on sides and pixels leave room for."""
        return min(self.steepest, self.most_side / self.least_side, self.max_pixels / self.least_side**2)

    def _up(self, side: float) -> int:
        return math.ceil(side / self.multiple) * self.multiple

    def _down(self, side: float) -> int:
        return math.floor(side / self.multiple) * self.multiple

    def _nearest(self, side: float) -> int:
        return math.floor(side / self.multiple + 0.5) * self.multiple


@lru_cache(1024)
def _kept(demands: Demands, size: Size) -> Size:
    """Clients send pictures of few sizes, and send them again."""
    return demands.size_for(size)


class Preparing(msgspec.Struct, frozen=True):
    """The job's parameters: what is demanded, and the most pixels that the source may have.

    A mask is the second source, where there is one.
    """

    demands: Demands
    max_pixels: int


@dataclass(frozen=True, slots=True)
class Prepared(InMemory):
    """A picture ready to be sent in place of the one that the client sent: an ``Upload``, as that is."""

    info: PictureInfo

    @property
    def filename(self) -> str:
        """A name that says nothing but its format."""
        return f"image.{self.info.format}"


async def prepare(workers: Runner, source: Source, *, demands: Demands, max_pixels: int, caller: str) -> Prepared:
    """The source as the upstream demands it: upright, in sRGB, without metadata.

    ``max_pixels`` is the most that the source may have. InvalidImage when it cannot be decoded, or when nothing that
    resembles it is small enough for the upstream; else as ``Workers.run``.
    """
    made = await _made(workers, (source,), Preparing(demands, max_pixels), caller)
    return _prepared(made.blobs[0])


async def prepare_with_mask(
    workers: Runner, source: Source, *, mask: Source, demands: Demands, max_pixels: int, caller: str
) -> tuple[Prepared, Prepared]:
    """As ``prepare``, and a mask that is cropped and scaled with its picture: a PNG, transparent where to edit.

    InvalidImage with ``param`` "mask" when the mask is none, has no transparency, or is not as large as the picture.
    The demands on formats, bytes and opacity are the picture's alone.
    """
    made = await _made(workers, (source, mask), Preparing(demands, max_pixels), caller)
    return _prepared(made.blobs[0]), _prepared(made.blobs[1])


async def _made(workers: Runner, sources: tuple[Source, ...], asked: Preparing, caller: str) -> Made:
    return await workers.run(Job(FUNCTION, msgspec.msgpack.encode(asked), sources, caller))


def _prepared(data: bytes) -> Prepared:
    return Prepared(data, probe(io.BytesIO(data), max_pixels=sys.maxsize))
