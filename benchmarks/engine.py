"""Measure patchwork: time, memory and start-up of a variation, and how good those of the example photographs are.

    python benchmarks/engine.py [--json] [--photos FOLDER]

Each figure of time and memory is taken in a process of its own; those of variations warm, PNG encoding included.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from torana.engine.geometry import compose
from torana.engine.ready.opening import opened
from torana.engine.recipe import Draw, plan
from torana.engine.resample import View
from torana.engine.variation import vary, warm

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float32]

PHOTOS = Path(__file__).parents[1] / "examples" / "photos"
SIZES, COUNTS = (256, 512, 1024), (1, 4)
STRENGTHS = (0.25, 0.5, 0.75, 1.0)
SAMPLES = 6
_PATCH = 7
_SMALL, _SEEN = 64, 256
_LONG = 40
"""Pixels of an edge on one line that make it a long line."""
_EDGE = 0.1


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request costs, in seconds and MiB."""

    size: int
    n: int
    wall_each: float
    cpu_each: float
    peak: float


@dataclass(frozen=True, slots=True)
class Start:
    """What it takes, in seconds, from a process's first moment until it is warm."""

    kernels: str
    """Whether they are compiled, as at the first start on a machine, or were kept from an earlier one."""
    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Quality:
    """How one photograph's variations at one strength compare with it."""

    photo: str
    strength: float
    coherence: float
    """Mean squared distance from each 7 x 7 patch of a variation to the nearest in the source, at 64 pixels."""
    completeness: float
    """The same from the source's patches to the variation's."""
    diversity: float
    """Standard deviation of each pixel over six variations, over the source's own."""
    sharpness: float
    """Fine detail against that of the plain re-framing: 1 is as sharp."""
    bend: float
    """Largest bow of the photograph's long straight edges, in pixels of 256, on an average over them: 0 is straight."""


Rows = list[Start] | list[Cost] | list[Quality]


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="folder of JPEG photographs")
    parser.add_argument("--one", type=int, nargs=2, metavar=("SIZE", "N"), help=argparse.SUPPRESS)
    parser.add_argument("--start", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.start:
        warm()
        print(time.process_time())
        return
    if asked.one:
        print(json.dumps(asdict(_cost(*asked.one, photo=_load(_photos(asked.photos)[0])))))
        return
    starts = _starts()
    costs = [_in_a_process(size, n, asked.photos) for size in SIZES for n in COUNTS]
    qualities = [_quality(path, strength) for path in _photos(asked.photos) for strength in STRENGTHS]
    if asked.json:
        tables: dict[str, Rows] = {"starts": starts, "costs": costs, "qualities": qualities}
        print(json.dumps({name: [asdict(row) for row in rows] for name, rows in tables.items()}, indent=2))
        return
    console = Console(width=100)
    console.print(_table("Start of a process (s)", starts), _table("Cost of a variation (s, MiB)", costs))
    console.print(_table("Quality at 256 x 256", qualities))


def _photos(folder: Path) -> list[Path]:
    """The photographs of a folder."""
    return sorted(folder.glob("*.jpg"))


def _load(path: Path) -> Pixels:
    """A photograph, RGB."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def _starts() -> list[Start]:
    """How long the first process on a machine takes to be warm, and how long any later one."""
    starts = []
    with tempfile.TemporaryDirectory() as folder:
        for kernels in ("compiled", "kept"):
            before = time.perf_counter()
            environment = os.environ | {"NUMBA_CACHE_DIR": folder}
            told = subprocess.run(
                [sys.executable, __file__, "--start"], capture_output=True, check=True, text=True, env=environment
            )
            starts.append(Start(kernels, time.perf_counter() - before, float(told.stdout)))
    return starts


def _in_a_process(size: int, n: int, photos: Path) -> Cost:
    """What a request costs in a process that has done nothing else."""
    command = [sys.executable, __file__, "--photos", str(photos), "--one", str(size), str(n)]
    told = subprocess.run(command, capture_output=True, check=True, text=True)
    return Cost(**json.loads(told.stdout))


def _cost(size: int, n: int, *, photo: Pixels) -> Cost:
    """What a request for ``n`` pictures costs here and now."""
    warm()
    vary([photo], size=(size, size), seed=0, index=0, n=1, strength=0.5)
    wall, cpu = time.perf_counter(), time.process_time()
    for index in range(n):
        out = vary([photo], size=(size, size), seed=1, index=index, n=n, strength=0.5)
        Image.fromarray(out).save(io.BytesIO(), "PNG", compress_level=1)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return Cost(size, n, wall / n, cpu / n, peak)


def _quality(path: Path, strength: float) -> Quality:
    """How good a photograph's variations are."""
    photo = _load(path)
    made = [_made(photo, strength, index) for index in range(SAMPLES)]
    plain = _made(photo, 0.0, 0)
    source = _small(plain)
    pairs = [(_apart(_small(one), source), _apart(source, _small(one))) for one in made[:2]]
    coherence, completeness = np.mean(pairs, axis=0)
    stack = np.stack([_small(one) for one in made])
    return Quality(
        photo=path.stem,
        strength=strength,
        coherence=float(coherence),
        completeness=float(completeness),
        diversity=float(stack.std(0).mean() / source.std()),
        sharpness=float(np.mean([_detail(one) for one in made]) / _detail(plain)),
        bend=_bend(photo, strength),
    )


def _made(photo: Pixels, strength: float, index: int) -> Pixels:
    """One of six variations."""
    return vary([photo], size=(_SEEN, _SEEN), seed=7, index=index, n=SAMPLES, strength=strength)


def _small(picture: Pixels) -> Plane:
    """The picture at 64 pixels, in 0..1."""
    image = Image.fromarray(picture).resize((_SMALL, _SMALL), Image.Resampling.BOX)
    return np.asarray(image, np.float32) / np.float32(255.0)


def _apart(one: Plane, other: Plane) -> float:
    """Mean squared distance of one's patches from the nearest of the other's."""
    first, second = _patches(one), _patches(other)
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2.0 * first @ second.T
    return float(np.maximum(squares.min(1), 0.0).mean() / first.shape[1])


def _patches(picture: Plane) -> Plane:
    """All patches, one a row."""
    windows = sliding_window_view(picture, (_PATCH, _PATCH), axis=(0, 1))
    return windows.reshape(-1, windows.shape[2] * _PATCH * _PATCH)


def _grey(picture: Pixels) -> Plane:
    """Grey in 0..1."""
    grey: Plane = picture.mean(2, dtype=np.float32) / np.float32(255.0)
    return grey


def _detail(picture: Pixels) -> float:
    """Differences of neighbours, in terms of the picture's contrast."""
    grey = _grey(picture)
    return float(np.abs(np.diff(grey, axis=1)).mean() / grey.std())


def _bend(photo: Pixels, strength: float) -> float:
    """How far, in pixels, the photograph's long straight edges bow in its variations, on an average over the lines."""
    lines = _long_lines(_grey(photo))
    bows = [0.0]
    for index in range(SAMPLES):
        source, scene = opened(photo, (_SEEN, _SEEN))
        recipe = plan(Draw(7, index, SAMPLES), strength, structure=scene.structure, sources=1)
        view = compose(scene, recipe.framing, size=(_SEEN, _SEEN))
        centre = (np.array(source.shape[1::-1]) - photo.shape[1::-1]) / 2.0
        bows += [_bow(_drawn(np.linspace(start, end, 33) + centre, view)) for start, end in lines]
    return float(np.mean(bows[1:] or bows))


def _drawn(points: NDArray[np.float64], view: View) -> NDArray[np.float64]:
    """Where a view draws source points (N, 2), in output pixels; only those within the output."""
    along = np.linspace(0.0, 1.0, len(view.columns))
    across = np.interp(points[:, 0], view.columns, along), np.interp(points[:, 1], view.rows, along)
    drawn = np.column_stack([*across, np.ones(len(points))]) @ np.linalg.inv(view.matrix).T
    places = drawn[:, :2] / drawn[:, 2:]
    inside: NDArray[np.float64] = places[((places >= 0.0) & (places <= _SEEN)).all(1)]
    return inside


def _bow(points: NDArray[np.float64]) -> float:
    """The largest distance of points (N, 2) from the straight line that fits them best."""
    if len(points) < len(("start", "middle", "end")):
        return 0.0
    apart = points - points.mean(0)
    normal = np.linalg.svd(apart, full_matrices=False)[2][1]
    return float(np.abs(apart @ normal).max())


def _long_lines(grey: Plane) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Both ends (x, y) of the long straight edges of a picture."""
    across, down = (grey[1:-1, 2:] - grey[1:-1, :-2]) / 2.0, (grey[2:, 1:-1] - grey[:-2, 1:-1]) / 2.0
    y, x = np.nonzero(np.hypot(across, down) > _EDGE)
    turn = np.round(np.arctan2(down[y, x], across[y, x]) % np.pi * 90.0 / np.pi)
    offset = np.round((x * np.cos(turn * np.pi / 90.0) + y * np.sin(turn * np.pi / 90.0)) / 2.0)
    _, line, counts = np.unique(turn * 4096.0 + offset, return_inverse=True, return_counts=True)
    ends = []
    for k in np.flatnonzero(counts >= _LONG):
        own = np.column_stack([x, y])[line == k].astype(np.float64) + 1.5
        order = own[np.argsort(own @ np.ptp(own, axis=0))]
        ends.append((order[0], order[-1]))
    return ends


def _table(title: str, rows: Rows) -> Table:
    """A table with a column for each field."""
    table = Table(title=title)
    for name in asdict(rows[0]):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            *(f"{round(value, 6):.3g}" if isinstance(value, float) else str(value) for value in asdict(row).values())
        )
    return table


if __name__ == "__main__":
    main()
