"""A body on its way in, held to the settings: how long it may be, and how slow."""

import asyncio

from torana.config.model import Uploads
from torana.core.clock import Clock
from torana.core.errors import SlowSender, TooLarge
from torana.edge.exchange import ClientGone, Message, Receive


class Arrival:
    """A body on its way in, held to the settings. The time that its sender takes counts, not ours in between."""

    def __init__(self, receive: Receive, limits: Uploads, clock: Clock) -> None:
        self.received = 0
        self._receive = receive
        self._limits = limits
        self._clock = clock
        self._waited = 0.0
        self._more = True

    async def piece(self) -> bytes:
        """The next bytes; none at the end."""
        while self._more:
            self._check_pace()
            asked = self._clock.ticks()
            message = await self._message()
            self._waited += self._clock.ticks() - asked
            self._more = message.get("more_body", False)
            chunk: bytes = message.get("body", b"")
            self.received += len(chunk)
            check_length(self.received, self._limits)
            if chunk:
                return chunk
        return b""

    async def _message(self) -> Message:
        left = self._limits.deadline - self._waited
        try:
            async with asyncio.timeout(min(self._limits.grace, left)):
                message = await self._receive()
        except TimeoutError as error:
            raise self._too_late() if left <= self._limits.grace else self._silent() from error
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message

    def _check_pace(self) -> None:
        limits = self._limits
        if self._waited > limits.deadline:
            raise self._too_late()
        if self._waited > limits.grace and self.received < self._waited * limits.min_rate:
            raise SlowSender(f"The body came too slowly: send at least {limits.min_rate:,} bytes a second.")

    def _too_late(self) -> SlowSender:
        return SlowSender(f"The body came too slowly: it must arrive within {self._limits.deadline:g} s.")

    def _silent(self) -> SlowSender:
        return SlowSender(f"The body stopped coming: nothing came for {self._limits.grace:g} s.")


def check_length(length: int, limits: Uploads) -> None:
    """TooLarge for more bytes than a body may have."""
    if length > limits.max_body:
        raise TooLarge(f"The body is too large: at most {limits.max_body:,} bytes are allowed.")
