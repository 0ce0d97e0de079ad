"""The contact sheet: a photograph and what was made of it, side by side. The job, as a worker does it."""

import msgspec
from PIL import Image, ImageDraw

from torana.core.content import Size
from torana.media.codec import decode, encode
from torana.media.job import Made
from torana.media.jobs.sheets import Sheet

_GAP = 10
_CAPTION = 18
_GROUND, _INK = (255, 255, 255), (0, 0, 0)


def lay_out(params: bytes, sources: list[bytes]) -> Made:
    """All sources in one row, each as large as its tile takes, over captions; ``params`` is a Sheet in MessagePack."""
    sheet = msgspec.msgpack.decode(params, type=Sheet)
    width = _GAP + len(sources) * (sheet.tile + _GAP)
    picture = Image.new("RGB", (width, sheet.tile + _CAPTION + 2 * _GAP), _GROUND)
    pen = ImageDraw.Draw(picture)
    for column, (source, caption) in enumerate(zip(sources, sheet.captions, strict=True)):
        left = _GAP + column * (sheet.tile + _GAP)
        tile = _tile(source, sheet)
        at = (left + (sheet.tile - tile.width) // 2, _GAP + (sheet.tile - tile.height) // 2)
        picture.paste(tile, at, tile)
        pen.text((left, sheet.tile + _GAP + 2), _shortened(caption, sheet.tile, pen), fill=_INK)
    return Made(blobs=(encode(picture, "png"),))


def _tile(source: bytes, sheet: Sheet) -> Image.Image:
    tile = decode(source, max_pixels=sheet.max_pixels, target=Size(sheet.tile, sheet.tile)).convert("RGBA")
    tile.thumbnail((sheet.tile, sheet.tile), Image.Resampling.LANCZOS)
    return tile


def _shortened(caption: str, width: int, pen: ImageDraw.ImageDraw) -> str:
    """The caption, or as much of its end as fits: that is where names of one folder differ."""
    shown = caption
    while caption and pen.textlength(shown) > width:
        caption = caption[1:]
        shown = f"...{caption}"
    return shown
