"""Answers that are told as they come: to whom, and what is kept of them for those who ask again."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from msgspec import Struct, structs

from torana.core.errors import GuardrailFailed, UpstreamError
from torana.core.exchange import Asked, Call, Opening, Reply, Show, Target
from torana.routing.course import Claim

R = TypeVar("R", bound=Asked)

MOST_KEPT = 4 * 1024**2
"""Bytes of an answer that is kept whole while it is told as it comes."""
MOST_HELD = 32 * 1024**2
"""Bytes of one that is held back until it is whole."""
HELD = "stream"
"""What is not as the client asked for it where an answer is held back."""


class Telling(Struct, Generic[R]):
    """How one call's answer is told while it comes.

    ``most`` bytes of it are kept, to have it whole in the end. One that is ``held`` back is told to nobody: it is
    there when it is whole.
    """

    call: Call[R]
    most: int = 0
    held: bool = False
    _kept: list[bytes] = []
    _size: int = 0
    _told: Reply[Any] | None = None
    _has_begun: bool = False

    @property
    def holds(self) -> bool:
        """Whether the answer is held back; one without words cannot be."""
        return self.held and self.call.fold is not None

    def opening(self, request: R, target: Target, claim: Claim) -> Callable[[Opening], Show]:
        """What a target begins its answer with, which then is the only one."""

        def open_answer(opening: Opening) -> Show:
            claim()
            self._has_begun = True
            if self.holds:
                return self._hold
            show = self.call.open(request, target, opening)
            return self._keeping(show) if self.most and self.call.fold is not None else show

        return open_answer

    def released(self, request: R, reply: Reply[Any]) -> Reply[Any]:
        """The reply, of which all is there where it was held back; UpstreamError where that makes no sense."""
        if not self.holds or not self._has_begun:
            return reply
        body = self._folded(request)
        if body is None:
            error = UpstreamError("The upstream's answer is not what its kind of answer looks like.")
            error.spent = True
            raise error
        self._has_begun = False
        return structs.replace(reply, body=body, emulated=(*reply.emulated, HELD))

    def whole(self, request: R, reply: Reply[Any]) -> Reply[Any]:
        """The reply with all that was told, where it was kept."""
        if not self._has_begun:
            return reply
        self._told = reply
        body = self._folded(request) if self._kept else None
        return reply if body is None else structs.replace(reply, body=body)

    def rest(self, reply: Reply[Any]) -> Reply[Any]:
        """What of the whole reply the client has not got yet."""
        return reply if self._told is None else self._told

    def _folded(self, request: R) -> Any | None:  # noqa: ANN401 - the family's own
        assert self.call.fold is not None
        try:
            return self.call.fold(request, self._kept)
        except (ValueError, TypeError, LookupError, AttributeError):
            # An upstream's events go on as they are, so nobody has looked yet whether they make an answer.
            return None

    def _keeping(self, show: Show) -> Show:
        async def shown(piece: bytes) -> None:
            await show(piece)
            if self._size <= self.most:
                self._size += len(piece)
                self._kept.append(piece)
            if self._size > self.most:
                self._kept.clear()

        return shown

    async def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > MOST_HELD:
            raise GuardrailFailed("The answer is too long to be checked before it is told.")
        self._kept.append(piece)
