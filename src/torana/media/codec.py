"""Pictures between bytes and pixels: decoding, fitting and encoding with Pillow, on the workers' side only."""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from torana.core.content import OutputFormat, Size
from torana.core.errors import InvalidImage
from torana.media import png, webp
from torana.media.probe import inspect
from torana.media.probe.reader import Header
from torana.media.tones import conversion, cut, joined, rows_of_a_band

# Importing them is what makes them known to Pillow; it would load all its decoders to find WebP's and TIFF's.
_DECODERS = {
    "png": PngImagePlugin.PngImageFile,
    "jpeg": JpegImagePlugin.JpegImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
}

# What Pillow's decoders are known to raise on damaged files. MemoryError is not among them: that is our limit, not the
# picture's fault.
_DECODING_ERRORS = (
    Image.DecompressionBombError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How to show a picture, by its EXIF orientation."""

_SRGB_NAMES = (b"sRGB", "sRGB".encode("utf-16-be"))
_SRGB = ImageCms.createProfile("sRGB")
_PROFILE_SPACES = {"L": "GRAY", "LA": "GRAY", "RGB": "RGB ", "RGBA": "RGB ", "CMYK": "CMYK"}

_SAVING: dict[OutputFormat, dict[str, Any]] = {
    "png": {"compress_level": 1, "icc_profile": None, "transparency": None},
    "webp": {"quality": 90, "method": 2},
    "jpeg": {"quality": 92, "comment": None},
}
"""Fast settings; the Nones keep Pillow from carrying over what it finds in ``Image.info``."""


def decode(data: bytes, *, max_pixels: int, target: Size | None = None) -> Image.Image:
    """The picture as shown, in mode L, LA, RGB or RGBA, its colours in sRGB, without metadata; the first of several.

    With a ``target`` size, a picture more than twice as large is decoded at a fraction of its size, never below
    twice the target's, so that it fits as well as the whole would and costs much less. InvalidImage as ``probe``, and
    with ``image_parse_error`` when the data turns out to be damaged.
    """
    header = inspect(io.BytesIO(data), max_pixels=max_pixels)
    with _damage_refused():
        stored, profile = _load(data, header, target)
        colours = _in_srgb(stored, profile)
        # Pillow itself turns a TIFF.
        turn = None if header.format == "tiff" else _TURNS.get(header.orientation)
        shown = colours if turn is None else colours.transpose(turn)
    shown.info = {}
    return shown


def encode(image: Image.Image, output_format: OutputFormat) -> bytes:
    """The picture as a file, without metadata. A JPEG has no transparency: it gets a white ground."""
    if output_format == "jpeg":
        image = _on_white(image)
    file = io.BytesIO()
    image.save(file, output_format, **_SAVING[output_format])
    return file.getvalue()


def fit(image: Image.Image, size: Size) -> Image.Image:
    """The middle of the picture, as much as has the shape of ``size``, at exactly that size."""
    return ImageOps.fit(image, (size.width, size.height), Image.Resampling.LANCZOS)


@contextmanager
def _damage_refused() -> Iterator[None]:
    """Turn what Pillow raises into InvalidImage, and keep its warnings to ourselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except _DECODING_ERRORS as error:
            raise _damaged() from error


def _damaged() -> InvalidImage:
    return InvalidImage(
        "The image cannot be decoded: its data is damaged, or of a kind that is not supported.",
        code="image_parse_error",
    )


def _load(data: bytes, header: Header, target: Size | None) -> tuple[Image.Image, bytes | None]:
    """The picture in eight bits, as large as the target asks for, and its colour profile."""
    image = _open(data, header)
    profile = image.info.get("icc_profile")
    # XMP may hold an orientation of its own, which Pillow would apply to a TIFF against what the header says.
    image.info.pop("xmp", None)
    factor = 1
    if target is not None:
        enough = _enough(header, target)
        image.draft(None, enough)
        factor = max(1, min(image.width // enough[0], image.height // enough[1]))
    return _small_webp(data, image, factor) or _in_bands(data, image, factor), profile


def _enough(header: Header, target: Size) -> tuple[int, int]:
    """Twice the target's size, lying as the picture lies while it is loaded."""
    if header.format != "tiff":
        # What changes width for height also changes it back.
        target = Header(header.format, target, header.orientation).shown
    return 2 * target.width, 2 * target.height


def _open(data: bytes, header: Header) -> Image.Image:
    """The picture, not decoded yet, after seeing that Pillow understands the header as we do."""
    image = Image.open(io.BytesIO(data), formats=[str(_DECODERS[header.format].format)])
    expected = header.shown if header.format == "tiff" else header.stored
    if image.size != (expected.width, expected.height):
        raise _damaged()
    return image


def _small_webp(data: bytes, image: Image.Image, factor: int) -> Image.Image | None:
    """A WebP that need not be decoded in its full size; None for anything else."""
    if factor == 1 or not isinstance(image, WebPImagePlugin.WebPImageFile):
        return None
    size = Size(-(-image.width // factor), -(-image.height // factor))
    return webp.shrunk(data, size, alpha=image.mode == "RGBA")


def _in_bands(data: bytes, image: Image.Image, factor: int) -> Image.Image:
    """The picture in eight bits; as it is stored it is in memory once at most, and a PNG never."""
    rows = rows_of_a_band(image.width, factor)
    bands = png.bands(data, image, rows=rows) if isinstance(image, PngImagePlugin.PngImageFile) else None
    if bands is None:
        with _libtiff_silenced():
            image.load()
        bands = cut(image, rows)
    return joined(map(conversion(image), bands), height=image.height, factor=factor)


@contextmanager
def _libtiff_silenced() -> Iterator[None]:
    """It writes a line to stderr for every row that it finds damaged, and Pillow has no way to ask it not to."""
    stderr, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nothing)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in RGB or grey, by its own colour profile where that can be used, else as it is."""
    # Most photographs say that they are in sRGB, and converting them would cost more than decoding them. Sought in
    # the bytes, because lcms takes seconds to tell a malicious profile's description.
    if profile and not any(name in profile for name in _SRGB_NAMES):
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            image = _by_profile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    return image.convert("RGB") if image.mode == "CMYK" else image


def _by_profile(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    if profile.profile.xcolor_space != _PROFILE_SPACES[image.mode]:
        return image
    base = image.mode.removesuffix("A")
    colours = ImageCms.profileToProfile(image.convert(base), profile, _SRGB, outputMode="RGB")
    assert colours is not None  # it is only when the work is done in place
    if base == "L":
        colours = colours.convert("L")
    if image.mode.endswith("A"):
        colours.putalpha(image.getchannel("A"))
    return colours


def _on_white(image: Image.Image) -> Image.Image:
    """The picture without transparency, as it looks on white paper."""
    if not image.mode.endswith("A"):
        return image
    ground = Image.new(image.mode.removesuffix("A"), image.size, "white")
    ground.paste(image.convert(ground.mode), mask=image.getchannel("A"))
    return ground
