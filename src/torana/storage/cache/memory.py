"""Answers in this process's memory: those that were used longest ago make room."""

from collections import OrderedDict
from typing import NamedTuple

from torana.core.clock import Clock

ENTRY = 512
"""Bytes that an answer counts for beyond its own, so that ``most`` bounds how many there are too."""


class _Kept(NamedTuple):
    data: bytes
    until: float

    @property
    def size(self) -> int:
        return len(self.data) + ENTRY


class MemoryAnswers:
    """``most`` bytes of answers."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._taken = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def get(self, name: str) -> bytes | None:
        """What was kept under a name."""
        kept = self._kept.get(name)
        if kept is None:
            return None
        if kept.until <= self._clock.ticks():
            self._drop(name)
            return None
        self._kept.move_to_end(name)
        return kept.data

    async def put(self, name: str, data: bytes, ttl: float) -> None:
        """Keeps it; one that is larger than all room is not kept."""
        self._drop(name)
        kept = _Kept(data, self._clock.ticks() + ttl)
        if kept.size > self._most:
            return
        while self._taken + kept.size > self._most:
            self._drop(next(iter(self._kept)))
        self._kept[name] = kept
        self._taken += kept.size

    @property
    def taken(self) -> int:
        """Bytes that are taken."""
        return self._taken

    def _drop(self, name: str) -> None:
        kept = self._kept.pop(name, None)
        if kept is not None:
            self._taken -= kept.size
