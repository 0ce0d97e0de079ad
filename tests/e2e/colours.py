"""Pictures that say whose they are: two halves, each of one colour that stands for a number.

The colours survive whatever a gateway does to a picture on its way: cropping about the middle, scaling, any format.
"""

import io
from typing import Any

from PIL import Image

NUMBERS = 1 << 15
_BITS, _STEP = 5, 8
_TOLERANCE = 3
# The vendors lose next to nothing, because the gateway may lose something, and a colour does not survive both.
_SAVING: dict[str, dict[str, Any]] = {
    "png": {"compress_level": 1},
    "jpeg": {"quality": 98, "subsampling": 0},
    "webp": {"lossless": True, "method": 0},
}


def painted(upper: int, lower: int, size: tuple[int, int], form: str = "png") -> bytes:
    """A picture of two numbers, each below ``NUMBERS``."""
    width, height = size
    image = Image.new("RGB", size, colour(upper))
    image.paste(colour(lower), (0, height // 2, width, height))
    file = io.BytesIO()
    image.save(file, form, **_SAVING[form])
    return file.getvalue()


def numbers(data: bytes) -> tuple[int | None, int | None]:
    """The two numbers; None for a colour that stands for none. OSError for what is no picture."""
    with Image.open(io.BytesIO(data)) as image:
        shown = image.convert("RGB")
    middle = shown.width // 2
    upper, lower = (shown.getpixel((middle, shown.height * quarter // 4)) for quarter in (1, 3))
    assert isinstance(upper, tuple)
    assert isinstance(lower, tuple)
    return _number(upper), _number(lower)


def colour(number: int) -> tuple[int, int, int]:
    """The colour that stands for a number."""
    red, green, blue = ((number >> shift & (1 << _BITS) - 1) * _STEP + _STEP // 2 for shift in (0, _BITS, 2 * _BITS))
    return red, green, blue


def _number(colour: tuple[int, ...]) -> int | None:
    levels = [channel // _STEP for channel in colour]
    if any(abs(channel % _STEP - _STEP // 2) > _TOLERANCE for channel in colour):
        return None
    return sum(level << _BITS * place for place, level in enumerate(levels))
