"""A file that a client sent, as the families see it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from torana.core.content import PictureInfo, Size

PNG = PictureInfo("png", Size(4, 3))


@dataclass(frozen=True)
class Sent:
    data: bytes = b"\x89PNG\r\n\x1a\nnot decoded here"
    filename: str = "photo.png"
    info: PictureInfo = PNG

    @property
    def size(self) -> int:
        return len(self.data)

    def at_hand(self) -> None:
        """Never in memory."""

    async def chunks(self) -> AsyncIterator[bytes]:
        half = len(self.data) // 2
        yield self.data[:half]
        yield self.data[half:]
