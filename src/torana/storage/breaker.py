"""Whether a store that fails is asked at all: a breaker for whoever can do without it for a while."""

from collections.abc import Callable
from enum import Enum

from torana.core.clock import Clock

FAILURES = 3
"""After how many failures in a row, with no success between, the store is left alone."""

PAUSE = 1.0
"""For how long, in seconds, before one step may try it again."""


class Leave(Enum):
    """Whether a step may ask the store."""

    FREE = "free"
    PROBE = "probe"
    """The store is given up, and this step is to find out whether it is back."""
    DENIED = "denied"


class Breaker:
    """Gives leave to ask a store. A step that is given up by its caller tells nothing of it.

    After ``failures`` in a row nobody is given leave, but for one step every ``pause`` seconds, whose success ends
    that. ``on_change`` is called with False when the store is given up, with True when it is back.
    """

    def __init__(
        self, clock: Clock, on_change: Callable[[bool], None], *, failures: int = FAILURES, pause: float = PAUSE
    ) -> None:
        self._clock = clock
        self._on_change = on_change
        self._bearable = failures
        self._pause = pause
        self._failures = 0
        self._next_probe: float | None = None

    def enter(self) -> Leave:
        """Whether to ask the store now."""
        if self._next_probe is None:
            return Leave.FREE
        if self._clock.ticks() < self._next_probe:
            return Leave.DENIED
        # Others wait for as long again, so a probe that is given up needs no tidying.
        self._next_probe = self._clock.ticks() + self._pause
        return Leave.PROBE

    def succeeded(self, leave: Leave) -> None:
        """A step with this leave did what it was to do."""
        self._failures = 0
        # The late success of a step that was asked before it was given up says nothing of how it is now.
        if leave is Leave.PROBE and self._next_probe is not None:
            self._next_probe = None
            self._on_change(True)  # noqa: FBT003, the port takes a plain callback

    def failed(self) -> None:
        """A step failed, or took too long."""
        self._failures += 1
        if self._next_probe is None and self._failures >= self._bearable:
            self._next_probe = self._clock.ticks() + self._pause
            self._on_change(False)  # noqa: FBT003, the port takes a plain callback
