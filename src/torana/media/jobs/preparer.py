"""Preparing a source picture for an upstream: the job, as a worker does it."""

import io
import math
from collections.abc import Iterator
from typing import Any

import msgspec
from PIL import Image, ImageOps

from torana.core.content import OutputFormat, Size
from torana.core.errors import InvalidImage
from torana.media.codec import decode, fit
from torana.media.job import Made
from torana.media.jobs.preparing import Demands, Preparing
from torana.media.jobs.stripping import stripped
from torana.media.probe import inspect
from torana.media.probe.reader import Header

_LOSSY_SOURCES = ("jpeg", "webp")
"""What photographs come in: nothing is left in them that only PNG would keep."""
_SMALL = 1 << 20
"""Up to so many pixels, a PNG of anything is worth its bytes."""
_QUALITIES = (95, 85, 75)
"""Below the last, fewer pixels look better than coarser ones."""
_LEAST_STEP, _GREATEST_STEP = 0.9, 0.5
"""What a side is shrunk by at once."""


def prepare_picture(params: bytes, sources: list[bytes]) -> Made:
    """Bring the first source to what is demanded, and the second, if there is one, along as its mask.

    ``params`` is a Preparing in MessagePack.
    """
    asked = msgspec.msgpack.decode(params, type=Preparing)
    header = inspect(io.BytesIO(sources[0]), max_pixels=asked.max_pixels)
    mask = _mask(sources[1], header.shown, asked.max_pixels) if sources[1:] else None
    target = asked.demands.size_for(header.shown)
    if mask is None and target == header.shown and (same := _stripped(sources[0], header, asked.demands)) is not None:
        return Made(blobs=(same,))
    picture = _colours(decode(sources[0], max_pixels=asked.max_pixels, target=target), asked.demands)
    lossless = header.format not in _LOSSY_SOURCES
    data, size = _fitting(picture, asked.demands, target, lossless=lossless)
    return Made(blobs=(data,) if mask is None else (data, _mask_file(mask, size)))


def _stripped(data: bytes, header: Header, demands: Demands) -> bytes | None:
    """The very same picture without its metadata, where nothing else is amiss with it."""
    if header.format != "jpeg" or "jpeg" not in demands.formats or len(data) > demands.max_bytes:
        return None
    return stripped(data, header.shown)


def _colours(picture: Image.Image, demands: Demands) -> Image.Image:
    """The picture in RGB, or in RGBA where it has transparency that the upstream may and can see."""
    if not picture.mode.endswith("A"):
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    if picture.getchannel("A").getextrema() == (255, 255):
        return picture.convert("RGB")
    if demands.opaque or set(demands.formats) == {"jpeg"}:
        ground = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(ground, picture).convert("RGB")
    return picture


def _fitting(picture: Image.Image, demands: Demands, size: Size, *, lossless: bool) -> tuple[bytes, Size]:
    """The file and its size: the best that is not too long, coarser first and then smaller."""
    while True:
        fitted = fit(picture, size)
        data = b""
        for output_format, quality in _attempts(fitted, demands, lossless=lossless):
            data = _saved(fitted, output_format, quality)
            if len(data) <= demands.max_bytes:
                return data, size
        size = _smaller(size, demands, len(data))


def _attempts(picture: Image.Image, demands: Demands, *, lossless: bool) -> Iterator[tuple[OutputFormat, int]]:
    """Formats and qualities, best first."""
    transparent = picture.mode == "RGBA"
    small = picture.width * picture.height <= _SMALL
    lossy = [name for name in demands.formats if name != "png" and not (transparent and name == "jpeg")]
    if "png" in demands.formats and (not lossy or transparent or (lossless and small)):
        yield "png", 0
    for name in lossy[:1]:
        yield from ((name, quality) for quality in _QUALITIES)


def _saved(picture: Image.Image, output_format: OutputFormat, quality: int) -> bytes:
    options: dict[OutputFormat, dict[str, Any]] = {
        "png": {},
        "jpeg": {"quality": quality},
        "webp": {"quality": quality, "method": 2},
    }
    file = io.BytesIO()
    picture.save(file, output_format, **options[output_format])
    return file.getvalue()


def _smaller(size: Size, demands: Demands, length: int) -> Size:
    """The next size to try, where this one came to so many bytes; InvalidImage when there is none."""
    scale = min(max(math.sqrt(demands.max_bytes / length), _GREATEST_STEP), _LEAST_STEP)
    # A small step may come to nothing where sides must be multiples of something.
    for step in (scale, _GREATEST_STEP):
        shrunk = Size(max(1, round(size.width * step)), max(1, round(size.height * step)))
        smaller = demands.size_for(shrunk)
        if smaller.pixels < size.pixels:
            return smaller
    raise InvalidImage(
        f"The image cannot be brought to the {demands.max_bytes:,} bytes that this model takes. "
        "Send one with less detail.",
        code="image_too_large",
    )


def _mask(data: bytes, size: Size, max_pixels: int) -> Image.Image:
    """The mask's transparency, which is all of it that counts."""
    try:
        mask = decode(data, max_pixels=max_pixels)
    except InvalidImage as refusal:
        message = refusal.message.replace("The image", "The mask", 1)
        raise InvalidImage(message, param="mask", code=refusal.code) from refusal
    if mask.size != (size.width, size.height):
        raise InvalidImage(
            f"The mask is {mask.width}x{mask.height} and the image {size}: they must be equally large.", param="mask"
        )
    if not mask.mode.endswith("A"):
        raise InvalidImage("The mask has no transparency: it must be transparent where to edit.", param="mask")
    return mask.getchannel("A")


def _mask_file(alpha: Image.Image, size: Size) -> bytes:
    """The mask at that size, every pixel decided: transparent and white where to edit, else opaque and black.

    The colours are for upstreams that look at nothing else.
    """
    kept = fit(alpha, size).point(lambda value: 255 if value > 127 else 0)  # noqa: PLR2004  the middle of 0 to 255
    ground = ImageOps.invert(kept)
    return _saved(Image.merge("RGBA", (ground, ground, ground, kept)), "png", 0)
