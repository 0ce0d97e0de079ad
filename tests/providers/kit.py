"""Pictures to send and to get, for the tests of the providers."""

import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from PIL import Image

from tests.media.samples import encoded
from tests.media.samples import picture as drawn
from torana.core.content import Encoded, Picture, PictureInfo, Size
from torana.core.exchange import Context
from torana.media.probe import probe

CONTEXT = Context("ada")


@dataclass(frozen=True)
class Photo:
    """A file that a client sent."""

    data: bytes
    filename: str = "../etc/passwd"

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def info(self) -> PictureInfo:
        return probe(io.BytesIO(self.data), max_pixels=10**8)

    def at_hand(self) -> Sequence[bytes] | None:
        """Not in memory."""
        return None

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.data), 1000):
            yield self.data[start : start + 1000]


def photo(width: int = 37, height: int = 23, file_format: str = "PNG", mode: str = "RGB") -> Photo:
    return Photo(encoded(drawn(mode, Size(width, height)), file_format))


def opened(picture: Picture | Encoded) -> Image.Image:
    """The picture, decoded; what its info says of it is what it is."""
    image = Image.open(io.BytesIO(picture.data))
    image.load()
    assert (image.format or "").lower() == picture.info.format
    assert image.size == (picture.info.size.width, picture.info.size.height)
    return image
