"""Ink and what is like it: strokes darker or lighter than what lies about them, cut out as blobs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torana.engine.kernel import kernel
from torana.engine.planes import Doubles, Floats

Ints = NDArray[np.int32]
Mask = NDArray[np.bool_]

_RADIUS = 9
LEFT, TOP, RIGHT, BOTTOM, AREA, EDGE = range(6)
"""The columns of a table of blobs."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """A grey picture (H, W), 0..1, with the mean and the standard deviation in a square about each pixel."""

    grey: Floats
    mean: Floats
    spread: Floats

    def inks(self, least: float, share: float) -> tuple[Mask, Mask]:
        """What is darker and what is lighter than what lies about it, by ``least`` and by that share of the spread."""
        margin = np.maximum(np.float32(least), np.float32(share) * self.spread)
        return self.grey < self.mean - margin, self.grey > self.mean + margin


def contrast(grey: Floats) -> Contrast:
    """The contrast of a grey picture (H, W), 0..1."""
    mean = _boxed(grey)
    variance = np.maximum(_boxed(grey * grey) - mean * mean, 0.0)
    return Contrast(grey, mean, np.sqrt(variance))


def extents(blobs: Ints) -> Ints:
    """The longer side of each blob's box."""
    longer: Ints = np.maximum(blobs[:, RIGHT] - blobs[:, LEFT], blobs[:, BOTTOM] - blobs[:, TOP])
    return longer


def strokes(blobs: Ints) -> Doubles:
    """How wide a pen would have drawn each blob, in pixels."""
    widths: Doubles = 2.0 * blobs[:, AREA] / np.maximum(blobs[:, EDGE], 1)
    return widths


def _boxed(plane: Floats) -> Floats:
    """Mean over a square about each pixel, the edges repeated outwards."""
    size = 2 * _RADIUS + 1
    padded = np.pad(plane.astype(np.float64), _RADIUS, mode="edge")
    sums = np.pad(padded.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    total = (sums[size:] - sums[:-size])[:, size:] - (sums[size:] - sums[:-size])[:, :-size]
    boxed: Floats = (total / size**2).astype(np.float32)
    return boxed


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
def blobs_of(ink: Mask) -> Ints:
    """Left, top, right, bottom, area and edge length of each patch of touching ink (H, W)."""
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
