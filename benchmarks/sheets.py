"""Make the contact sheets of docs/engine anew: what patchwork makes of many sorts of pictures.

    python benchmarks/sheets.py [--out FOLDER] [--cell PIXELS] [--more FOLDER]

The sources are the example photographs and pictures drawn here. ``--more`` names a folder with further public-domain
pictures, scikit-image's camera, brick, grass, gravel and text (all PNG), for which there is a sheet of their own.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from torana.engine.variation import vary

Pixels = NDArray[np.uint8]

ROOT = Path(__file__).parents[1]
STRENGTHS = (0.25, 0.5, 0.75, 1.0)
_GAP, _GROUND = 4, "#503050"
_MOST = 150_000
"""Bytes of a sheet."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture to be made."""

    sources: Sequence[Pixels]
    index: int
    n: int
    strength: float
    seed: int = 3


def main() -> None:
    """Make all sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "engine", help="where the sheets go")
    parser.add_argument("--cell", type=int, default=144, help="pixels of each picture's side")
    parser.add_argument("--more", type=Path, help="folder with camera, brick, grass, gravel and text.png")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for name, rows in _sheets(asked.more).items():
        _save(_sheet(rows, asked.cell), asked.out / f"{name}.jpg")


def _sheets(more: Path | None) -> dict[str, list[list[Cell]]]:
    """The cells of each sheet, row by row; the first of a row is the source itself."""
    photos = {name: _load(ROOT / "examples" / "photos" / f"{name}.jpg") for name in _PHOTOS}
    rocket, coffee, cat = photos["rocket"], photos["coffee"], photos["chelsea"]
    drawn = [_logo(), _line_art(), _sprite(), _icon()]
    strips = [np.ascontiguousarray(rocket[250:400]), np.ascontiguousarray(rocket[:, 255:355])]
    strips += [np.ascontiguousarray(coffee[:150])]
    sheets = {
        "photographs": [_scale([photo]) for photo in photos.values()],
        "pages": [_scale([source]) for source in (_page(), _scan(), _screenshot())],
        "drawings": [_scale([source]) for source in drawn],
        "strips": [_scale([source]) for source in strips],
        "plain": [_scale([source]) for source in (_flat(), _gradient(), _huge(coffee), _thumbnail(cat))],
        "transparent": [_scale([source]) for source in (_cut_out(coffee), _logo())],
        "several": [_scale([coffee, cat]), _scale([cat, rocket]), _scale([coffee, cat, rocket])],
        "ten": [_ten(photo) for photo in photos.values()],
    }
    if more:
        found = [_load(more / f"{name}.png") for name in ("camera", "brick", "grass", "gravel", "text")]
        sheets["more"] = [_scale([source]) for source in found] + [_scale([found[3], found[2]])]
    return sheets


_PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")


def _scale(sources: Sequence[Pixels]) -> list[Cell]:
    """Two variations at each strength."""
    return [Cell(sources, index, 2, strength) for strength in STRENGTHS for index in range(2)]


def _ten(source: Pixels) -> list[Cell]:
    """Ten variations of one request."""
    return [Cell([source], index, 10, 0.5) for index in range(10)]


def _sheet(rows: list[list[Cell]], side: int) -> Image.Image:
    """The sources and their variations, side by side."""
    step = side + _GAP
    sheet = Image.new("RGB", (step * (1 + max(map(len, rows))) + _GAP, step * len(rows) + _GAP), _GROUND)
    for y, row in enumerate(rows):
        pictures = [_shown(row[0].sources[0], side), *(_shown(_made(cell, side), side) for cell in row)]
        for x, picture in enumerate(pictures):
            sheet.paste(picture, (_GAP + x * step, _GAP + y * step))
    return sheet


def _made(cell: Cell, side: int) -> Pixels:
    """A variation at twice the size it is shown in, as people look at pictures larger than on a sheet."""
    size = (2 * side, 2 * side)
    return vary(cell.sources, size=size, seed=cell.seed, index=cell.index, n=cell.n, strength=cell.strength)


def _shown(pixels: Pixels, side: int) -> Image.Image:
    """A picture within a square, over a chequered ground where it is transparent."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("RGBA")
    if max(picture.size) < side:
        times = side // max(picture.size)
        picture = picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    y, x = np.mgrid[0 : picture.height, 0 : picture.width] // 8
    ground = Image.fromarray(np.where((x + y) % 2 > 0, 200, 235).astype(np.uint8)).convert("RGBA")
    ground.alpha_composite(picture)
    return ground.convert("RGB")


def _save(sheet: Image.Image, path: Path) -> None:
    """As good a JPEG as fits."""
    for quality in range(88, 20, -6):
        sheet.save(path, quality=quality, optimize=True)
        if path.stat().st_size <= _MOST:
            break
    print(path, path.stat().st_size)


def _load(path: Path) -> Pixels:
    """A picture of a file: grey or RGB."""
    with Image.open(path) as picture:
        return _pixels(picture if picture.mode == "L" else picture.convert("RGB"))


def _pixels(picture: Image.Image) -> Pixels:
    """Bytes (H, W, C)."""
    pixels: Pixels = np.asarray(picture, np.uint8)
    return pixels[..., None] if pixels.ndim < len(("height", "width", "channel")) else pixels


def _page() -> Pixels:
    """A printed page."""
    picture = Image.new("L", (600, 420), 238)
    draw = ImageDraw.Draw(picture)
    draw.text((40, 30), "On variations", fill=20, font=ImageFont.load_default(36))
    for line in range(11):
        text = "A theme returns changed, and one knows it all the same. " * 2
        draw.text((40, 96 + 27 * line), text[line : line + 62], fill=40, font=ImageFont.load_default(18))
    return _pixels(picture)


def _scan() -> Pixels:
    """The page badly scanned: noise, a shadow at the fold, a slight turn."""
    turned = Image.fromarray(_page()[..., 0]).rotate(1.5, Image.Resampling.BICUBIC, fillcolor=238)
    shadow = 60.0 * np.exp(-np.arange(600) / 60.0)
    noise = np.random.default_rng(2).normal(0.0, 9.0, (420, 600))
    scanned: Pixels = np.clip(np.asarray(turned) - shadow + noise, 0, 255).astype(np.uint8)
    return scanned[..., None]


def _screenshot() -> Pixels:
    """A dashboard."""
    picture = Image.new("RGB", (900, 560), "#f6f8fa")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 900, 44), fill="#24292f")
    draw.text((16, 12), "Gateway   Models   Keys   Logs", font=ImageFont.load_default(18), fill="white")
    for row in range(6):
        top = 64 + 80 * row
        draw.rounded_rectangle((20, top, 300, top + 68), 8, fill="white", outline="#d0d7de")
        draw.text((32, top + 10), f"Request {137 * row + 12}: 200 OK", font=ImageFont.load_default(17), fill="#24292f")
        draw.text((32, top + 38), f"{3 * row + 4} ms", font=ImageFont.load_default(14), fill="#57606a")
    for bar in range(12):
        draw.rectangle((340 + 44 * bar, 480 - 2.5 * bar**2, 370 + 44 * bar, 500), fill="#0969da")
    return _pixels(picture)


def _logo() -> Pixels:
    """A mark and a name on nothing."""
    picture = Image.new("RGBA", (640, 360), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((60, 70, 280, 290), fill=(220, 60, 40, 255))
    draw.rectangle((110, 165, 230, 195), fill=(255, 255, 255, 255))
    draw.text((310, 130), "torana", fill=(40, 40, 60, 255), font=ImageFont.load_default(90))
    return _pixels(picture)


def _line_art() -> Pixels:
    """A house of lines."""
    picture = Image.new("L", (1200, 900), 255)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((300, 200, 900, 800), outline=0, width=8)
    draw.polygon([(600, 60), (1000, 400), (200, 400)], outline=0, width=8)
    draw.rectangle((450, 450, 750, 800), outline=0, width=8)
    for line in range(8):
        draw.line((100, 850 - 10 * line, 1100, 850 - 30 * line), fill=0, width=4)
    return _pixels(picture.resize((600, 450), Image.Resampling.LANCZOS))


def _sprite() -> Pixels:
    """A creature of 24 pixels a side."""
    colours = np.array([[20, 20, 40], [230, 60, 60], [250, 200, 60], [60, 180, 90], [70, 110, 220]], np.uint8)
    half = np.random.default_rng(3).integers(0, 5, (24, 12))
    half[:3] = half[-3:] = 0
    half[:, :2] = 0
    creature: Pixels = colours[np.concatenate([half, half[:, ::-1]], axis=1)]
    return creature


def _icon() -> Pixels:
    """A button of 24 pixels a side."""
    picture = Image.new("RGBA", (96, 96), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((8, 8, 88, 88), 20, fill=(30, 120, 240, 255))
    draw.ellipse((28, 28, 68, 68), fill=(255, 255, 255, 255))
    draw.polygon([(44, 38), (44, 58), (60, 48)], fill=(30, 120, 240, 255))
    return _pixels(picture.resize((24, 24), Image.Resampling.LANCZOS))


def _flat() -> Pixels:
    """One colour."""
    return np.full((200, 300, 3), (120, 140, 90), np.uint8)


def _gradient() -> Pixels:
    """An evening sky without a cloud."""
    down = np.linspace(0.0, 1.0, 300)[:, None, None]
    sky = (1.0 - down) * (30, 60, 120) + down * (240, 170, 110) + np.zeros((300, 400, 1))
    gradient: Pixels = np.round(sky).astype(np.uint8)
    return gradient


def _huge(photo: Pixels) -> Pixels:
    """A photograph of 40 megapixels."""
    return _pixels(Image.fromarray(photo).resize((7680, 5120), Image.Resampling.BICUBIC))


def _thumbnail(photo: Pixels) -> Pixels:
    """A photograph of 48 pixels a side."""
    return _pixels(Image.fromarray(photo).resize((48, 32), Image.Resampling.LANCZOS))


def _cut_out(photo: Pixels) -> Pixels:
    """A thing cut out of its photograph."""
    mask = Image.new("L", (photo.shape[1], photo.shape[0]), 0)
    ImageDraw.Draw(mask).ellipse((150, 30, 480, 380), fill=255)
    return np.dstack([photo, np.asarray(mask)])


if __name__ == "__main__":
    main()
