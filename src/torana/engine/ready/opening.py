"""A source made ready to be looked through, and looked at."""

import math
from dataclasses import replace

import numpy as np

from torana.engine.planes import Floats, Pixels, has_alpha, has_colour, luminance, opaque
from torana.engine.ready.enlarge import enlarged
from torana.engine.ready.mount import Margins, around, beside, completed, mounted, reduced
from torana.engine.resample import View, render
from torana.engine.sight.scene import Scene, extent, survey
from torana.engine.sight.structure import Kind, Structure, examine

_TINY = 200
"""Longest side, in pixels, of pictures that are drawn larger first."""
_ENOUGH = 384
_FAR = 0.45
"""Logarithm of how far a picture's proportions may be from the output's before it is given calm margins."""
_NEAR = 0.15
"""How near such margins bring them."""
_ROOM = 0.15
"""Share of its sides that a picture shown whole is given all about, for what a tilt uncovers."""


def opened(source: Pixels, size: tuple[int, int]) -> tuple[Pixels, Scene]:
    """The picture (H, W, C), perhaps enlarged or with margins, for an output of ``size``; and what is seen in it."""
    structure = examine(source)
    if structure.kind is not Kind.PIXELS and max(source.shape[:2]) <= min(_TINY, max(size) // 2):
        source = enlarged(source, min(_ENOUGH, max(size)))
    if structure.border or structure.kind is Kind.PIXELS:
        return source, survey(source, structure)
    if structure.kind in {Kind.WRITING, Kind.DRAWING}:
        return _whole(source, structure, size)
    return _wider(source, structure, size)


def _whole(source: Pixels, structure: Structure, size: tuple[int, int]) -> tuple[Pixels, Scene]:
    """A page, a screen or a drawing on an extended ground."""
    source = reduced(source, 2 * max(size))
    margins = around(source, size[0] / size[1], room=_ROOM)
    return _set_in(mounted(source, margins), replace(structure, border=True), margins)


def _wider(source: Pixels, structure: Structure, size: tuple[int, int]) -> tuple[Pixels, Scene]:
    """A photograph with something about it where its proportions are far from the output's, or words would be cut."""
    own, aspect = source.shape[1] / source.shape[0], size[0] / size[1]
    excess = math.log(own / aspect)
    far = abs(excess) > _FAR
    # What the subject needs of the long side is to fit into a window over the whole of the short one.
    needed = extent(source, structure, int(excess > 0.0)) if far or structure.lettered else 0.0
    if not far and needed <= math.exp(-abs(excess)):
        return source, survey(source, structure)
    source = reduced(source, 2 * max(size))
    near = math.exp(math.copysign(_NEAR, excess)) * aspect
    margins = beside(source, near)
    if margins == Margins(0, 0, 0, 0):
        near = min(aspect / needed, own) if excess > 0.0 else max(aspect * needed, own)
    margins = completed(source, margins, near)
    return _set_in(mounted(source, margins, seen=True), structure, margins)


def _set_in(framed: Pixels, structure: Structure, margins: Margins) -> tuple[Pixels, Scene]:
    """A picture with its margins, and what is seen in it."""
    height, width = framed.shape[:2]
    content = margins.left / width, margins.top / height, 1.0 - margins.right / width, 1.0 - margins.bottom / height
    return framed, survey(framed, structure, content=content)


def lent(source: Pixels, *, size: tuple[int, int], like: Floats) -> Floats:
    """The middle of a further source at an output's ``size``, with as many channels as ``like``; premultiplied."""
    width, height = size
    scale = min(source.shape[1] / width, source.shape[0] / height)
    across, down = (source.shape[1] - scale * width) / 2.0, (source.shape[0] - scale * height) / 2.0
    view = View(
        np.diag([1.0 / width, 1.0 / height, 1.0]),
        np.array([across, source.shape[1] - across]),
        np.array([down, source.shape[0] - down]),
    )
    seen = render(source, view, size=size)
    colour = opaque(seen) if has_colour(like) else luminance(seen)[..., None]
    return np.concatenate([colour, np.ones_like(colour[..., :1])], axis=2) if has_alpha(like) else colour
