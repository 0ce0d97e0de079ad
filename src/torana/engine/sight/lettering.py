"""Does a picture hold writing? Strokes are cut out as blobs, and blobs that stand in line like letters are counted."""

import numpy as np
from numpy.typing import NDArray

from torana.engine.kernel import kernel
from torana.engine.planes import Doubles, Floats

Ints = NDArray[np.int32]
Mask = NDArray[np.bool_]

_RADIUS = 9
_SHORT_ROW = 4
_SPECK = 5
"""Height, in pixels, of blobs too low to be told from grain."""
_BY_CHANCE = 3
"""Percent of the blobs of gravel or grass that stand in rows."""


def letters(grey: Floats) -> int:
    """How many blobs of a grey picture (H, W), 0..1, stand in rows of five or more like letters of a word.

    Rows of four count half: chance makes some of them. Works on dark and light writing of 5 to 60 pixels in height;
    the rows may lean a little.
    """
    mean, spread = _local(grey)
    margin = np.maximum(0.07, 0.4 * spread)
    dark, light = grey < mean - margin, grey > mean + margin
    return max(_aligned(dark), _aligned(light))


def marks(grey: Floats) -> tuple[int, int]:
    """How many blobs of a grey picture, dark ones and light ones, are crisp and shaped like letters, in rows or not.

    Many more than writing alone: emblems, numbers, spokes, leaves against the sky.
    """
    mean, spread = _local(grey)
    margin = np.maximum(0.2, 0.9 * spread)
    dark, light = (_glyphs(_blobs(ink)) for ink in (grey < mean - margin, grey > mean + margin))
    return _tall(dark), _tall(light)


def _tall(glyphs: Ints) -> int:
    """How many are more than specks."""
    return int((glyphs[:, 3] - glyphs[:, 1] > _SPECK).sum())


def _local(grey: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation in a square about each pixel."""
    mean = _boxed(grey)
    variance = np.maximum(_boxed(grey * grey) - mean * mean, 0.0)
    return mean, np.sqrt(variance)


def _boxed(plane: Floats) -> Floats:
    """Mean over a square about each pixel, the edges repeated outwards."""
    size = 2 * _RADIUS + 1
    padded = np.pad(plane.astype(np.float64), _RADIUS, mode="edge")
    sums = np.pad(padded.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    total = (sums[size:] - sums[:-size])[:, size:] - (sums[size:] - sums[:-size])[:, :-size]
    boxed: Floats = (total / size**2).astype(np.float32)
    return boxed


def _aligned(ink: Mask) -> int:
    """How many blobs of ink stand in rows, past what chance makes of as many blobs."""
    glyphs = _glyphs(_blobs(ink))
    in_rows = _in_rows(glyphs[np.argsort(glyphs[:, 0], kind="stable")])
    return max(0, in_rows - _BY_CHANCE * len(glyphs) // 100)


def _glyphs(blobs: Ints) -> Ints:
    """The blobs (left, top, right, bottom, area, edge) that could be letters by size, fill and stroke."""
    wide, high = blobs[:, 2] - blobs[:, 0], blobs[:, 3] - blobs[:, 1]
    area, edge = blobs[:, 4], blobs[:, 5]
    fill = area / np.maximum(wide * high, 1)
    stroke = 2.0 * area / np.maximum(edge, 1)
    fits = _within(high, 5, 60) & (wide <= 2.2 * high) & _within(fill, 0.18, 0.92) & (stroke < 0.45 * high)
    return blobs[fits]


def _within(values: Ints | Doubles, least: float, most: float) -> Mask:
    """Which values lie in a range."""
    inside: Mask = (values >= least) & (values <= most)
    return inside


@kernel
def _root(parents: Ints, label: int) -> int:
    """The representative of a label."""
    while parents[label] != label:
        parents[label] = parents[parents[label]]
        label = parents[label]
    return label


@kernel
def _joined(labels: Ints, parents: Ints, y: int, x: int) -> int:
    """The label that a pixel takes over from the neighbours to its left and above, made one; -1 if they have none."""
    found = -1
    for dy, dx in ((0, -1), (-1, -1), (-1, 0), (-1, 1)):
        j, i = y + dy, x + dx
        if j < 0 or i < 0 or i >= labels.shape[1] or labels[j, i] < 0:
            continue
        other = _root(parents, labels[j, i])
        if found >= 0 and other != found:
            parents[max(found, other)] = min(found, other)
        found = other if found < 0 else min(found, other)
    return found


@kernel
def _blobs(ink: Mask) -> Ints:
    """Left, top, right, bottom, area and edge length of each patch of touching ink."""
    height, width = ink.shape
    labels = np.full(ink.shape, -1, np.int32)
    parents = np.empty(height * width // 2 + 2, np.int32)
    used = 0
    for y in range(height):
        for x in range(width):
            if not ink[y, x]:
                continue
            label = _joined(labels, parents, y, x)
            if label < 0:
                label = used
                parents[used] = used
                used += 1
            labels[y, x] = label
    return _measured(labels, parents[:used])


@kernel
def _measured(labels: Ints, parents: Ints) -> Ints:
    """Boxes, areas and edge lengths of labelled patches."""
    height, width = labels.shape
    numbers = np.full(len(parents), -1, np.int32)
    count = 0
    for k in range(len(parents)):
        if parents[k] == k:
            numbers[k] = count
            count += 1
    blobs = np.zeros((count, 6), np.int32)
    blobs[:, 0], blobs[:, 1] = width, height
    for y in range(height):
        for x in range(width):
            if labels[y, x] >= 0:
                _take_in(blobs[numbers[_root(parents, labels[y, x])]], labels, y, x)
    return blobs


@kernel
def _take_in(blob: Ints, labels: Ints, y: int, x: int) -> None:
    """Count a pixel to its blob."""
    height, width = labels.shape
    blob[0], blob[1] = min(blob[0], x), min(blob[1], y)
    blob[2], blob[3] = max(blob[2], x + 1), max(blob[3], y + 1)
    blob[4] += 1
    for dy, dx in ((0, -1), (0, 1), (-1, 0), (1, 0)):
        j, i = y + dy, x + dx
        if j < 0 or i < 0 or j >= height or i >= width or labels[j, i] < 0:
            blob[5] += 1


@kernel
def _in_rows(glyphs: Ints) -> int:
    """How many glyphs, sorted by their left side, belong to a row; those in rows of four count half."""
    count = len(glyphs)
    lengths, after = np.ones(count, np.int32), np.full(count, -1, np.int32)
    for k in range(count - 1, -1, -1):
        high = glyphs[k, 3] - glyphs[k, 1]
        for n in range(k + 1, count):
            gap = glyphs[n, 0] - glyphs[k, 2]
            if glyphs[n, 0] - glyphs[k, 0] > 4 * high:
                break
            other = glyphs[n, 3] - glyphs[n, 1]
            near = -0.15 * high <= gap <= 0.9 * high
            alike = 0.6 * high <= other <= 1.7 * high
            level = min(abs(glyphs[n, 3] - glyphs[k, 3]), abs(glyphs[n, 1] - glyphs[k, 1])) <= max(1.0, 0.12 * high)
            if near and alike and level and lengths[n] + 1 > lengths[k]:
                lengths[k], after[k] = lengths[n] + 1, n
    weight, taken = 0, np.zeros(count, np.bool_)
    for k in range(count):
        row = lengths[k]
        n = k if row >= _SHORT_ROW else -1
        while n >= 0 and not taken[n]:
            taken[n] = True
            weight += 2 if row > _SHORT_ROW else 1
            n = after[n]
    return weight // 2
