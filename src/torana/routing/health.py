"""What is known of targets from the calls they got: their circuits, and how fast they answered lately."""

from asyncio import CancelledError
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

from msgspec import Struct

from torana.core.clock import Clock
from torana.core.exchange import CircuitRule, Plan, Target
from torana.routing.circuit import Circuit, State, Ticket
from torana.routing.failures import speaks_against_target

OnChange = Callable[[str, State], None]

_NEWEST_SHARE = 0.2
_STALE_SECONDS = 600.0
_BY_BADNESS: tuple[State, ...] = ("closed", "half-open", "open")


class Standing(Struct, frozen=True):
    """How a target stands now."""

    state: State = "closed"
    wait: float = 0.0
    """Seconds until its circuit lets a call in; 0 is now."""
    latency: float | None = None
    """Seconds it lately took to answer; None is not known."""


class Latency:
    """How long a target takes to answer: a mean in which each newest answer counts for a fifth."""

    def __init__(self) -> None:
        self._seconds: float | None = None
        self._known_at = 0.0

    def seconds(self, now: float) -> float | None:
        """The estimate, by the clock's ticks just now; None without an answer in the last ten minutes."""
        return self._seconds if now - self._known_at < _STALE_SECONDS else None

    def took(self, seconds: float, now: float) -> None:
        """It answered just now, after so long."""
        before = self.seconds(now)
        self._seconds = seconds if before is None else before + _NEWEST_SHARE * (seconds - before)
        self._known_at = now

    def took_longer_than(self, seconds: float, now: float) -> None:
        """It had not answered by then; of a target of which nothing is known that tells nothing."""
        before = self.seconds(now)
        if before is not None and before < seconds:
            self._seconds, self._known_at = seconds, now


class Trial(Struct, frozen=True):
    """One attempt at a target, from its start to its end."""

    circuit: Circuit
    ticket: Ticket
    latency: Latency
    clock: Clock
    started: float
    """Ticks of the clock."""

    def end(self, error: BaseException | None) -> None:
        """What came of it; None is an answer. To be called once, however the attempt ended."""
        now = self.clock.ticks()
        if error is None:
            self.latency.took(now - self.started, now)
            self.circuit.leave(self.ticket, "success")
            return
        against = speaks_against_target(error)
        if against or isinstance(error, CancelledError):
            self.latency.took_longer_than(now - self.started, now)
        self.circuit.leave(self.ticket, "failure" if against else "nothing")


class _Watched(NamedTuple):
    """What is known of a target."""

    circuit: Circuit
    latency: Latency


class Health:
    """All targets by name. It outlives changes of the configuration: what is unchanged is as well or as ill as before.

    Models with the same rule share a target's circuit; one with a rule of its own judges for itself.
    """

    def __init__(self, clock: Clock, on_change: OnChange | None = None) -> None:
        self._clock = clock
        self._on_change = on_change or _unheard
        self._circuits: dict[tuple[str, CircuitRule], Circuit] = {}
        self._latencies: dict[str, Latency] = {}
        # By the target itself, which is found sooner than its name is put together.
        self._watched: dict[tuple[Target, CircuitRule], _Watched] = {}

    def standing(self, target: Target, rule: CircuitRule) -> Standing:
        """How a target stands now."""
        watched = self._watched.get((target, rule))
        if watched is None:
            circuit, latency = self._circuits.get((str(target), rule)), self._latencies.get(str(target))
        else:
            circuit, latency = watched
        seconds = None if latency is None else latency.seconds(self._clock.ticks())
        if circuit is None or circuit.is_closed:
            return Standing(latency=seconds)
        return Standing(circuit.state, circuit.wait, seconds)

    def trial(self, target: Target, rule: CircuitRule) -> Trial | None:
        """The start of an attempt; None when the target's circuit leaves it alone."""
        circuit, latency = self._watched.get((target, rule)) or self._watch(target, rule)
        ticket = circuit.enter()
        return None if ticket is None else Trial(circuit, ticket, latency, self._clock, self._clock.ticks())

    def forced_trial(self, target: Target, rule: CircuitRule) -> Trial:
        """The start of an attempt for a call that has nowhere else to go, whatever the target's circuit says."""
        circuit, latency = self._watch(target, rule)
        return Trial(circuit, circuit.force(), latency, self._clock, self._clock.ticks())

    def states(self) -> Mapping[str, State]:
        """Each target that has been tried, with the worst that one of its circuits says."""
        found: dict[str, State] = {}
        for (target, _), circuit in self._circuits.items():
            found[target] = max(found.get(target, "closed"), circuit.state, key=_BY_BADNESS.index)
        return found

    def keep(self, plans: Iterable[Plan]) -> None:
        """Forgets what none of these plans can lead to: to be told after each change of the configuration."""
        kept = {(str(target), plan.routing.circuit) for plan in plans for target in plan.targets}
        names = {target for target, _ in kept}
        self._circuits = {key: circuit for key, circuit in self._circuits.items() if key in kept}
        self._latencies = {name: latency for name, latency in self._latencies.items() if name in names}
        self._watched = {}

    def _watch(self, target: Target, rule: CircuitRule) -> _Watched:
        watched = _Watched(self._circuit(str(target), rule), self._latency(str(target)))
        self._watched[(target, rule)] = watched
        return watched

    def _circuit(self, target: str, rule: CircuitRule) -> Circuit:
        key = (target, rule)
        if key not in self._circuits:
            self._circuits[key] = Circuit(rule, self._clock, partial(self._on_change, target))
        return self._circuits[key]

    def _latency(self, target: str) -> Latency:
        return self._latencies.setdefault(target, Latency())


def _unheard(target: str, state: State) -> None:
    """Nobody listens."""
