"""A body on its way in, held to the settings: how long it may be, and how slow."""

from collections.abc import Generator
from typing import Any

from torana.config.model import Uploads
from torana.core.clock import Clock
from torana.core.errors import SlowSender, TooLarge
from torana.core.waits import Deadline
from torana.edge.exchange import ClientGone, Message, Receive


class Arrival:
    """A body on its way in, held to the settings. The time that its sender takes counts, not ours in between."""

    __slots__ = ("_clock", "_limits", "_more", "_receive", "_waited", "received")

    def __init__(self, receive: Receive, limits: Uploads, clock: Clock) -> None:
        self.received = 0
        self._receive = receive
        self._limits = limits
        self._clock = clock
        self._waited = 0.0
        self._more = True

    @property
    def ended(self) -> bool:
        """Whether all of it has come."""
        return not self._more

    def seconds_to(self, length: int) -> float:
        """How long the rest of ``length`` bytes will take to come, as fast as it came so far."""
        return (length - self.received) / self.received * self._waited

    async def piece(self) -> bytes:
        """The next bytes; none at the end."""
        while self._more:
            if self._waited:
                self._check_pace()
            asked = self._clock.ticks()
            waiting = self._receive().__await__()
            try:
                first = next(waiting)
            except StopIteration as here:
                # What is here already needs no timer.
                message: Message = here.value
            else:
                message = await self._message(_Rest(first, waiting))
            self._waited += self._clock.ticks() - asked
            if message["type"] == "http.disconnect":
                raise ClientGone
            self._more = message.get("more_body", False)
            chunk: bytes = message.get("body", b"")
            self.received += len(chunk)
            if self.received > self._limits.max_body:
                check_length(self.received, self._limits)
            if chunk:
                return chunk
        return b""

    async def _message(self, rest: "_Rest") -> Message:
        left = self._limits.deadline - self._waited
        try:
            with Deadline(min(self._limits.grace, left)):
                return await rest
        except TimeoutError as error:
            raise self._too_late() if left <= self._limits.grace else self._silent() from error

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


class _Rest:
    """What is left of a wait, of which the first step is done."""

    __slots__ = ("_first", "_waiting")

    def __init__(self, first: object, waiting: Generator[Any, Any, Message]) -> None:
        self._first = first
        self._waiting = waiting

    def __await__(self) -> Generator[Any, Any, Message]:
        waiting = self._waiting
        try:
            yield self._first
        except BaseException as error:  # noqa: BLE001 - whatever ends the wait is for those who wait
            try:
                again = waiting.throw(error)
            except StopIteration as done:
                message: Message = done.value
                return message
            yield again
        return (yield from waiting)


def check_length(length: int, limits: Uploads) -> None:
    """TooLarge for more bytes than a body may have."""
    if length > limits.max_body:
        raise TooLarge(f"The body is too large: at most {limits.max_body:,} bytes are allowed.")
