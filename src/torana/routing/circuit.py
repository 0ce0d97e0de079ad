"""A circuit: leaves a target alone that keeps failing, and tries it again with one call at a time."""

import math
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from torana.core.clock import Clock
from torana.core.exchange import CircuitRule

State = Literal["closed", "open", "half-open"]
Outcome = Literal["success", "failure", "nothing"]

_BUCKETS = 10
_PROBE_SECONDS = 1.0
"""When to look again while a probe is out: nobody knows when it will be back."""


class Ticket(Struct, frozen=True):
    """Leave to call the target, given by its circuit and to be handed back to it once, with the outcome."""

    epoch: int
    probe: bool = False


class Circuit:
    """Closed as long as calls go well; open after too many failures; half-open from ``open_for`` on.

    Half-open, one call at a time is a probe: its success closes the circuit, its failure opens it anew.
    """

    def __init__(self, rule: CircuitRule, clock: Clock, on_change: Callable[[State], None]) -> None:
        self._rule = rule
        self._clock = clock
        self._on_change = on_change
        self._told: State = "closed"
        self._window = _Window(rule.window, clock)
        # Outcomes of calls from before the last change say nothing of what came after it.
        self._epoch = 0
        self.is_closed = True
        """Whether calls go in as usual: then ``state`` and ``wait`` need not be asked."""
        self._opens_until: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        """What it is now; the mere end of ``open_for`` makes it half-open."""
        if self._opens_until is None:
            return "closed"
        return "open" if self._clock.ticks() < self._opens_until else "half-open"

    @property
    def wait(self) -> float:
        """Seconds until a call may go in, as far as can be told; 0 when one may now."""
        if self._opens_until is None:
            return 0.0
        return _PROBE_SECONDS if self._probing else max(0.0, self._opens_until - self._clock.ticks())

    def enter(self) -> Ticket | None:
        """Leave to call the target; None when it is to be left alone."""
        if self.is_closed:
            return Ticket(self._epoch)
        if self.state == "open" or self._probing:
            return None
        self._probing = True
        self._tell("half-open")
        return Ticket(self._epoch, probe=True)

    def force(self) -> Ticket:
        """Leave to call the target whatever is known of it, for a call that has nowhere else to go.

        Its success closes an open circuit; its failure tells nothing new.
        """
        return Ticket(self._epoch)

    def leave(self, ticket: Ticket, outcome: Outcome) -> None:
        """A ticket handed back; ``nothing`` is for a call that tells nothing: given up, or wrong itself."""
        if ticket.epoch != self._epoch:
            return
        if ticket.probe:
            self._probing = False
        if self.is_closed:
            if outcome != "nothing":
                self._count(failed=outcome == "failure")
        elif outcome == "success":
            self._change(None)
        elif ticket.probe and outcome == "failure":
            self._change(self._clock.ticks() + self._rule.open_for)

    def _count(self, *, failed: bool) -> None:
        self._window.add(failed=failed)
        if not failed:
            return
        calls, failures = self._window.totals()
        if calls >= self._rule.min_calls and failures / calls >= self._rule.failures:
            self._change(self._clock.ticks() + self._rule.open_for)

    def _change(self, opens_until: float | None) -> None:
        self._epoch += 1
        self._opens_until = opens_until
        self.is_closed = opens_until is None
        self._window = _Window(self._rule.window, self._clock)
        self._tell(self.state)

    def _tell(self, state: State) -> None:
        # Probe may follow probe, none of which tells anything: that is no change.
        if state != self._told:
            self._told = state
            self._on_change(state)


class _Window:
    """Counts the calls of the last ``seconds``, to a tenth of them, in the same memory for any number of calls."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._width = seconds / _BUCKETS
        self._clock = clock
        self._slots = [-_BUCKETS] * _BUCKETS
        self._calls = [0] * _BUCKETS
        self._failed = [0] * _BUCKETS
        self._place = 0
        # Ticks at which the slot that is counted in now ends.
        self._ends = -math.inf

    def add(self, *, failed: bool) -> None:
        if self._clock.ticks() >= self._ends:
            self._turn()
        self._calls[self._place] += 1
        if failed:
            self._failed[self._place] += 1

    def totals(self) -> tuple[int, int]:
        oldest = self._slot() - _BUCKETS + 1
        recent = [place for place, slot in enumerate(self._slots) if slot >= oldest]
        return sum(self._calls[place] for place in recent), sum(self._failed[place] for place in recent)

    def _turn(self) -> None:
        """Goes on to the slot of now, which forgets what it had ten slots ago."""
        slot = self._slot()
        self._place = place = slot % _BUCKETS
        if self._slots[place] != slot:
            self._slots[place], self._calls[place], self._failed[place] = slot, 0, 0
        self._ends = (slot + 1) * self._width

    def _slot(self) -> int:
        return int(self._clock.ticks() / self._width)
