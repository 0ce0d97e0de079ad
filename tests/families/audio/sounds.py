"""Sounds, and files of them that a client sent."""

import io
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass

from torana.core.content import SoundInfo
from torana.media.probe.sound import listen


def wav(seconds: float = 0.5, rate: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(rate)
        written.writeframes(bytes(2 * round(seconds * rate)))
    return file.getvalue()


@dataclass(frozen=True)
class Recorded:
    data: bytes
    filename: str = "../talk.mp3"

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def info(self) -> SoundInfo:
        return listen(io.BytesIO(self.data), filename=self.filename)

    def at_hand(self) -> None:
        """Never in memory."""

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.data), 1000):
            yield self.data[start : start + 1000]
