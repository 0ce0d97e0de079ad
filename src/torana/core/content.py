"""Pictures and sounds as values: their sizes, formats, and the bytes of those that were sent or made."""

from binascii import a2b_base64
from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

from msgspec import Struct

OutputFormat = Literal["png", "webp", "jpeg"]
"""What we can write."""

MEDIA_TYPES: dict[str, str] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "tiff": "image/tiff",
}
"""Every format we can read, by its name, and the media type it travels under."""


class Size(Struct, frozen=True, gc=False):
    """Width and height in pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        """How many there are."""
        return self.width * self.height

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class PictureInfo(Struct, frozen=True, gc=False):
    """What a picture's header says, learnt without decoding it.

    ``size`` is as shown, that is with the EXIF orientation applied.
    """

    format: str
    size: Size
    bare: bool = False
    """Known to be one upright frame without metadata: nothing in it says where or by whom it was taken."""
    opaque: bool = False
    """Known to have no transparency."""

    @property
    def media_type(self) -> str:
        """The media type that the bytes deserve, whatever their label said."""
        return MEDIA_TYPES[self.format]


class Picture(Struct, frozen=True, gc=False):
    """A picture that was made: encoded bytes, and what they are."""

    data: bytes
    info: PictureInfo


class Encoded(Struct, frozen=True, gc=False):
    """A picture that was made, in base64 as it leaves in JSON: decoded only for those who need its bytes."""

    pieces: tuple[bytes | memoryview, ...]
    """Base64, with nothing before it; each piece but the last is a multiple of four characters."""
    info: PictureInfo

    @property
    def length(self) -> int:
        """How many characters it has."""
        return sum(map(len, self.pieces))

    @property
    def size(self) -> int:
        """How many bytes it stands for."""
        return self.length // 4 * 3 - bytes(self.pieces[-1][-2:]).count(b"=")

    @property
    def data(self) -> bytes:
        """The bytes."""
        return b"".join(map(a2b_base64, self.pieces))


class SoundInfo(Struct, frozen=True, gc=False):
    """What a sound's first bytes say, learnt without decoding it."""

    format: str
    """As file names end in it: ``wav``, ``mp3``; ``bin`` where nobody can tell."""
    media_type: str = "application/octet-stream"
    seconds: float | None = None
    """How long it is; None where that is not told."""


class File(Protocol):
    """Bytes that a client sent: replayable, so that every attempt reads the very same ones."""

    @property
    def filename(self) -> str:
        """The client's name for it; a label, never trusted."""

    @property
    def size(self) -> int:
        """How many bytes it holds."""

    def at_hand(self) -> Sequence[bytes] | None:
        """All bytes as they lie in memory, in pieces; None where they are not there."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from the start, as often as asked."""


class Upload(File, Protocol):
    """A picture that a client sent."""

    @property
    def info(self) -> PictureInfo:
        """What its own bytes say it is."""


class Recording(File, Protocol):
    """A sound that a client sent."""

    @property
    def info(self) -> SoundInfo:
        """What its own bytes say it is."""
