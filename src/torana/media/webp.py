"""WebP made smaller while it is decoded: libwebp can do that, and Pillow, which brings it along, has no way to ask.

Pillow decodes it as an animation: it holds the whole picture four times over.
"""

import ctypes
from typing import Final

from PIL import Image, _webp

from torana.core.content import Size

_VERSION: Final = 0x0209
"""Of the structures below, which are libwebp's decode.h; it refuses when its own have another first byte."""
_RGB, _RGBA = 0, 1
_DONE, _OUT_OF_MEMORY, _WANTS_MORE = 0, 1, 5

_STEP: Final = 65_536
"""Bytes to decode before Python may listen to signals again."""

# Looked up through Pillow's module, so that it is the very library that Pillow uses.
_LIBRARY = ctypes.CDLL(_webp.__file__)
_FUNCTIONS = ("WebPInitDecoderConfigInternal", "WebPIDecode", "WebPIUpdate", "WebPIDelete")
_AT_HAND = all(hasattr(_LIBRARY, name) for name in _FUNCTIONS)
if _AT_HAND:
    _LIBRARY.WebPIDecode.restype = ctypes.c_void_p


class _Interleaved(ctypes.Structure):
    _fields_ = (("pixels", ctypes.c_void_p), ("stride", ctypes.c_int), ("size", ctypes.c_size_t))


class _Planar(ctypes.Structure):
    _fields_ = (("planes", ctypes.c_void_p * 4), ("strides", ctypes.c_int * 4), ("sizes", ctypes.c_size_t * 4))


class _Memory(ctypes.Union):
    _fields_ = (("interleaved", _Interleaved), ("planar", _Planar))


class _Output(ctypes.Structure):
    _fields_ = (
        ("colours", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("is_external", ctypes.c_int),
        ("memory", _Memory),
        ("padding", ctypes.c_uint32 * 4),
        ("private", ctypes.c_void_p),
    )


class _Options(ctypes.Structure):
    _fields_ = (
        ("before_scaling", ctypes.c_int * 7),
        ("use_scaling", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("after_scaling", ctypes.c_int * 4),
        ("padding", ctypes.c_uint32 * 5),
    )


class _Config(ctypes.Structure):
    _fields_ = (("features", ctypes.c_int * 10), ("output", _Output), ("options", _Options))


def shrunk(data: bytes, size: Size, *, alpha: bool) -> Image.Image | None:
    """The picture of a WebP at a smaller size, each pixel an average; RGBA with ``alpha``, else RGB.

    None where libwebp does not do it: the data is damaged or has moving pictures, or this libwebp is not one we know.
    """
    mode = "RGBA" if alpha else "RGB"
    pixels = bytearray(size.pixels * len(mode))
    config = _Config()
    if not _AT_HAND or not _LIBRARY.WebPInitDecoderConfigInternal(ctypes.byref(config), _VERSION):
        return None
    options, output, memory = config.options, config.output, config.output.memory.interleaved
    options.use_scaling, options.width, options.height = 1, size.width, size.height
    output.colours, output.is_external = (_RGBA if alpha else _RGB), 1
    memory.stride, memory.size = size.width * len(mode), len(pixels)
    memory.pixels = ctypes.addressof(ctypes.c_char.from_buffer(pixels))
    if not _decode(data, config):
        return None
    return Image.frombytes(mode, (size.width, size.height), pixels)


def _decode(data: bytes, config: _Config) -> bool:
    """Decode to where the configuration says, in small steps; whether that went well."""
    decoder = ctypes.c_void_p(_LIBRARY.WebPIDecode(None, ctypes.c_size_t(0), ctypes.byref(config)))
    status, end = _WANTS_MORE, 0
    try:
        while status == _WANTS_MORE and end < len(data):
            end = min(end + _STEP, len(data))
            status = _LIBRARY.WebPIUpdate(decoder, data, ctypes.c_size_t(end))
    finally:
        _LIBRARY.WebPIDelete(decoder)
    if status == _OUT_OF_MEMORY:
        raise MemoryError
    return status == _DONE
