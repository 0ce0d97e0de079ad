"""Which sizes the picture makers in our own processes can do."""

from torana.core.content import Size
from torana.core.errors import InvalidRequest

MIN_SIDE = 16
MAX_SIDE = 4096
MAX_PIXELS = 4096 * 1024
"""Bounds the memory of one picture in a worker."""


def chosen_size(asked: Size | None, source: Size) -> Size:
    """The size to make: the one asked for, or for ``auto`` the source's own, brought within bounds at its own ratio.

    InvalidRequest when the one asked for cannot be made.
    """
    if asked is None:
        return _within_bounds(source)
    sides = (asked.width, asked.height)
    if min(sides) < MIN_SIDE or max(sides) > MAX_SIDE or asked.pixels > MAX_PIXELS:
        raise InvalidRequest(
            f"This model cannot make {asked}: sides have {MIN_SIDE} to {MAX_SIDE} px, in all {MAX_PIXELS:,} at most.",
            param="size",
            code="unsupported_value",
        )
    return asked


def _within_bounds(source: Size) -> Size:
    shrink = min(1.0, MAX_SIDE / max(source.width, source.height), (MAX_PIXELS / source.pixels) ** 0.5)
    grow = max(1.0, MIN_SIDE / (shrink * min(source.width, source.height)))
    scale = shrink * grow
    return Size(_side(source.width * scale), _side(source.height * scale))


def _side(length: float) -> int:
    return max(MIN_SIDE, min(MAX_SIDE, int(length)))
