"""Telling formats apart by their first bytes."""

import re
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from torana.core.content import PictureInfo
from torana.core.errors import InvalidImage
from torana.media.probe import bmp, gif, jpeg, png, tiff, webp
from torana.media.probe.reader import Header, Reader


class _Format(NamedTuple):
    name: str
    begins: re.Pattern[bytes]
    read: Callable[[Reader], Header]


_TAKEN = (
    _Format("PNG", re.compile(rb"\x89PNG\r\n\x1a\n"), png.read),
    _Format("JPEG", re.compile(rb"\xff\xd8\xff"), jpeg.read),
    _Format("WebP", re.compile(rb"RIFF.{4}WEBP", re.DOTALL), webp.read),
    _Format("GIF", re.compile(rb"GIF8[79]a"), gif.read),
    _Format("BMP", re.compile(rb"BM"), bmp.read),
    _Format("TIFF", re.compile(rb"II\*\0|MM\0\*"), tiff.read),
)
_NOT_TAKEN = (
    ("AVIF", re.compile(rb".{4}ftyp.{0,64}?avi[fs]", re.DOTALL)),
    ("HEIC", re.compile(rb".{4}ftyp(?:hei|hev|mif1|msf1)", re.DOTALL)),
    ("BigTIFF", re.compile(rb"II\+\0|MM\0\+")),
    ("PDF", re.compile(rb"%PDF-")),
    ("SVG", re.compile(rb"(?:\xef\xbb\xbf)?\s*<.*?(?<=<)svg", re.DOTALL)),
)
_HEAD_LENGTH = 512


def probe(file: BinaryIO, *, max_pixels: int) -> PictureInfo:
    """What a picture is, by its own bytes; ``size`` is as shown.

    ``file`` is seekable and read from its start; its position is moved. Only headers are read. InvalidImage, with
    OpenAI's image codes: ``empty_image_file``, ``invalid_image_format`` (no picture, or of a kind we do not take),
    ``image_too_large`` (more than ``max_pixels``), ``invalid_image`` (malformed), ``image_parse_error`` (incomplete).
    """
    return inspect(file, max_pixels=max_pixels).info


def inspect(file: BinaryIO, *, max_pixels: int) -> Header:
    """As ``probe``, but with the size as stored and the orientation apart: what a decoder needs."""
    file.seek(0)
    head = file.read(_HEAD_LENGTH)
    for candidate in _TAKEN:
        if candidate.begins.match(head):
            return candidate.read(Reader(file, name=candidate.name, max_pixels=max_pixels))
    raise _refusal(head)


def _refusal(head: bytes) -> InvalidImage:
    if not head:
        return InvalidImage("The image file is empty.", code="empty_image_file")
    kind = next((name for name, begins in _NOT_TAKEN if begins.match(head)), None)
    refused = f"{kind} files are not supported." if kind else "The file is not a picture that is supported."
    names = [taken.name for taken in _TAKEN]
    return InvalidImage(
        f"{refused} Send {', '.join(names[:-1])} or {names[-1]}.",
        code="invalid_image_format",
    )
