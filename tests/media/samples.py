"""Pictures for the tests, of every format and with every oddity that Pillow, or a few lines, can write."""

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageCms, TiffImagePlugin

from torana.core.content import Size

SIZE = Size(37, 23)
ORIENTATION = 274


def picture(mode: str = "RGB", size: Size = SIZE) -> Image.Image:
    """A smooth picture whose four corners differ, so that turning it shows."""
    across = Image.linear_gradient("L").rotate(90).resize((size.width, size.height))
    down = Image.linear_gradient("L").resize((size.width, size.height))
    alpha = Image.new("L", across.size, 200)
    return Image.merge("RGBA", (across, down, down.rotate(180), alpha)).convert(mode)


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def exif(orientation: int, padding: int = 0) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    if padding:
        tags[0x010E] = "x" * padding  # ImageDescription
    return tags


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width: int, height: int, depth: int = 8, colour: int = 2, interlaced: int = 0) -> bytes:
    ihdr = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr)


def interlaced_png(image: Image.Image) -> bytes:
    """Adam7, which Pillow reads but does not write; grey only."""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    width, height = image.size
    pixels = image.tobytes()
    rows = [
        b"\0" + pixels[y * width + left : (y + 1) * width : across]
        for left, top, across, down in passes
        for y in range(top, height, down)
    ]
    return png_header(width, height, 8, 0, 1) + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND")


def swapped_profile(description: bytes = b"swap") -> bytes:
    """The sRGB profile with red's and blue's primaries changed over: its effect cannot be missed."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")
    return profile.replace("sRGB".encode("utf-16-be"), description.decode().encode("utf-16-be"))


def grey_profile(gamma: float = 1.0) -> bytes:
    """A grey profile with a plain gamma curve."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061)
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"grey\0" + bytes(82)
    text += bytes(-len(text) % 4)
    tags, offset, body = b"", 128 + 4 + 3 * 12, b""
    for name, value in ((b"desc", text), (b"wtpt", white), (b"kTRC", curve)):
        tags += name + struct.pack(">II", offset + len(body), len(value))
        body += value
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", 3) + tags + body


def jpegs() -> dict[str, bytes]:
    plain = encoded(picture(), "JPEG")
    return {
        "jpeg": plain,
        "jpeg progressive": encoded(picture(), "JPEG", progressive=True),
        "jpeg grey": encoded(picture("L"), "JPEG"),
        "jpeg cmyk": encoded(picture("CMYK"), "JPEG"),
        "jpeg restarts": encoded(picture(), "JPEG", restart_marker_blocks=1),
        "jpeg icc": encoded(picture(), "JPEG", icc_profile=swapped_profile()),
        "jpeg comment": encoded(picture(), "JPEG", comment=b"\xff\xd9 no end"),
        "jpeg big exif": encoded(picture(), "JPEG", exif=exif(1, padding=60_000)),
        "jpeg with a tail": plain + b"\0 appended" * 40,
        "jpeg with strays": plain[:20] + b"\0\1\2" * 50 + b"\xff\xff" + plain[20:],
    }


def pngs() -> dict[str, bytes]:
    return {
        "png": encoded(picture(), "PNG"),
        "png alpha": encoded(picture("RGBA"), "PNG"),
        "png grey alpha": encoded(picture("LA"), "PNG"),
        "png palette": encoded(picture().quantize(16), "PNG", transparency=3),
        "png bits": encoded(picture("1"), "PNG"),
        "png 16 bits": encoded(picture("I;16"), "PNG"),
        "png interlaced": interlaced_png(picture("L")),
        "png icc": encoded(picture(), "PNG", icc_profile=swapped_profile()),
        "png animated": encoded(picture(), "PNG", save_all=True, append_images=[picture().rotate(180)]),
        "png with a tail": encoded(picture(), "PNG") + b"appended" * 40,
    }


def webps() -> dict[str, bytes]:
    return {
        "webp": encoded(picture(), "WEBP"),
        "webp lossless": encoded(picture(), "WEBP", lossless=True),
        "webp alpha": encoded(picture("RGBA"), "WEBP"),
        "webp icc": encoded(picture(), "WEBP", icc_profile=swapped_profile()),
        "webp animated": encoded(picture(), "WEBP", save_all=True, append_images=[picture().rotate(180)]),
        "webp with a tail": encoded(picture(), "WEBP") + b"appended" * 40,
    }


def gifs() -> dict[str, bytes]:
    plain = encoded(picture(), "GIF")
    return {
        "gif": plain,
        "gif grey": encoded(picture("L"), "GIF"),
        "gif transparent": encoded(picture("RGBA").quantize(16), "GIF", transparency=3),
        "gif animated": encoded(picture(), "GIF", save_all=True, append_images=[picture().rotate(180)]),
        "gif comment": encoded(picture(), "GIF", comment=b"," * 700),
        "gif with a tail": plain + b"appended" * 40,
    }


def bmps() -> dict[str, bytes]:
    plain = encoded(picture(), "BMP")
    flipped = plain[:22] + struct.pack("<i", -SIZE.height) + plain[26:]
    return {
        "bmp": plain,
        "bmp from the top": flipped,
        "bmp grey": encoded(picture("L"), "BMP"),
        "bmp bits": encoded(picture("1"), "BMP"),
        "bmp alpha": encoded(picture("RGBA"), "BMP"),
        "bmp without its size": plain[:2] + bytes(4) + plain[6:],
    }


def tiffs() -> dict[str, bytes]:
    pages = [picture().rotate(180), picture("L")]
    return {
        "tiff": encoded(picture(), "TIFF"),
        "tiff big end first": encoded(picture("L").convert("I").convert("I;16B"), "TIFF"),
        "tiff lzw": encoded(picture(), "TIFF", compression="tiff_lzw"),
        "tiff jpeg": encoded(picture(), "TIFF", compression="jpeg"),
        "tiff strips": encoded(picture("RGBA"), "TIFF", tiffinfo=_strips()),
        "tiff pages": encoded(picture(), "TIFF", save_all=True, append_images=pages),
        "tiff bits": encoded(picture("1"), "TIFF", compression="group4"),
        "tiff cmyk": encoded(picture("CMYK"), "TIFF"),
        "tiff float": encoded(picture("F"), "TIFF"),
        "tiff deep": encoded(picture("I"), "TIFF"),
    }


def _strips() -> TiffImagePlugin.ImageFileDirectory_v2:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[TiffImagePlugin.ROWSPERSTRIP] = 5
    return tags


def turned(file_format: str, orientation: int, image: Image.Image | None = None) -> bytes:
    """A picture that says it must be turned to be shown."""
    image = image or picture()
    if file_format == "TIFF":
        return encoded(image, "TIFF", tiffinfo={ORIENTATION: orientation})
    return encoded(image, file_format, exif=exif(orientation))


def everything() -> dict[str, bytes]:
    """Every sample whose size as shown is SIZE, by its name; the name begins with the format's."""
    return jpegs() | pngs() | webps() | gifs() | bmps() | tiffs()
