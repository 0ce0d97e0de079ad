"""Patchwork's face: pictures in, one variation out."""

from collections.abc import Callable, Sequence
from typing import TypedDict, Unpack

import numpy as np

from torana.engine.geometry import compose, seen_through
from torana.engine.palette import borrow, palette_of
from torana.engine.photometry import develop
from torana.engine.planes import Pixels
from torana.engine.ready.opening import lent, opened
from torana.engine.recipe import Draw, plan
from torana.engine.resample import render
from torana.engine.sight.structure import Kind
from torana.engine.texture.weave import woven

_SIDES = range(16, 4097)


def _go_on() -> None:
    """Nobody is waiting to cancel."""


class Asked(TypedDict):
    """What is asked of one variation. Asked the same, it is the same bytes, in any process and thread."""

    size: tuple[int, int]
    """Width and height of the result, each 16 to 4096."""
    seed: int
    """0 to 2**63 - 1."""
    index: int
    """Which picture this is, 0 to n - 1; each is made without the others."""
    n: int
    """How many pictures are wanted; they share out the possibilities between them."""
    strength: float
    """0 (the source plainly re-framed) to 1 (as bold as the picture bears)."""


def vary(sources: Sequence[Pixels], *, cancelled: Callable[[], None] = _go_on, **asked: Unpack[Asked]) -> Pixels:
    """One variation of a picture.

    Args:
        sources: One or more sRGB pictures (H, W, C) of bytes, the right way up, C of 1 (grey), 2 (grey and alpha),
            3 (RGB) or 4 (RGBA). The first is varied; the others lend it their light, their colours and,
            where it is made up anew, their texture.
        cancelled: Called between stages; may raise to stop.
        **asked: The size, seed, index, n and strength; see ``Asked``.

    Returns:
        The picture (height, width, C) of bytes, with the first source's C.

    Raises:
        ValueError: An argument is out of its range; the message names it.
    """
    size, strength = asked["size"], asked["strength"]
    draw = Draw(asked["seed"], asked["index"], asked["n"])
    _check(sources, size)
    _check_draw(draw, strength)
    source, scene = opened(sources[0], size)
    cancelled()
    recipe = plan(draw, strength, structure=scene.structure, sources=len(sources))
    grade = recipe.grade
    if len(sources) > 1:
        others = zip(map(palette_of, sources[1:]), recipe.borrowed, strict=True)
        grade = borrow(grade, palette_of(source), list(others))
        cancelled()
    view = compose(scene, recipe.framing, size=size)
    picture = render(source, view, size=size, blocky=scene.structure.kind is Kind.PIXELS)
    cancelled()
    if scene.structure.kind is Kind.PHOTO and recipe.anew > 0.0:
        tiles = [picture, *(lent(other, size=size, like=picture) for other in sources[1:])]
        kept = seen_through(view, scene, size)
        picture = woven(tiles, kept, share=recipe.anew, seed=draw.seed ^ draw.index, cancelled=cancelled)
    cancelled()
    return develop(picture, grade, seed=draw.seed ^ draw.index)


def warm() -> None:
    """Load every kernel, or compile it where this machine has not done so yet, so that no request waits for it."""
    for channels in (1, 2, 3, 4):
        source = np.arange(24 * 24 * channels, dtype=np.int64).reshape(24, 24, channels).astype(np.uint8)
        vary([source, source], size=(64, 64), seed=0, index=0, n=1, strength=0.5)
    grain = np.random.default_rng(0).random((240, 240, 3), np.float32)
    woven([grain], np.zeros((36, 36)), share=1.0, seed=0, cancelled=_go_on)


def _check(sources: Sequence[Pixels], size: tuple[int, int]) -> None:
    """Refuse what is no picture."""
    if not sources:
        raise ValueError("sources: at least one picture is needed")
    for source in sources:
        if source.dtype != np.uint8 or source.shape[2:] not in {(1,), (2,), (3,), (4,)} or not source.size:
            raise ValueError(
                f"sources: need uint8 arrays (height, width, 1 to 4 channels), got {source.dtype} {source.shape}"
            )
    if any(side not in _SIDES for side in size):
        raise ValueError(f"size: each side must be 16 to 4096 pixels, got {size}")


def _check_draw(draw: Draw, strength: float) -> None:
    """Refuse what is no draw."""
    if not 0 <= draw.seed < 2**63:
        raise ValueError(f"seed: must be 0 to 2**63 - 1, got {draw.seed}")
    if not 0 <= draw.index < draw.n:
        raise ValueError(f"index: must be 0 to n - 1, got {draw.index} of {draw.n}")
    if not 0.0 <= strength <= 1.0:
        raise ValueError(f"strength: must be 0 to 1, got {strength}")
