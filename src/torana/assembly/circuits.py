"""How the targets fare, told to operators: a log line and a metric for each change of a circuit."""

from collections.abc import Iterable

from torana.core.clock import Clock
from torana.core.exchange import Plan
from torana.routing.circuit import State
from torana.routing.health import Health
from torana.telemetry.logs import Logger
from torana.telemetry.signals import Signals


class Circuits:
    """The health of all targets, for as long as the gateway lives, with somebody who listens to it."""

    def __init__(self, clock: Clock, logger: Logger, signals: Signals) -> None:
        self.health = Health(clock, self._changed)
        self._logger = logger
        self._signals = signals

    def keep(self, plans: Iterable[Plan]) -> None:
        """Forgets what none of these plans can lead to."""
        self.health.keep(plans)
        self.show()

    def show(self) -> None:
        """Brings the metric up to date: a circuit becomes half-open by the mere passing of time."""
        self._signals.show_circuits(self.health.states())

    def _changed(self, target: str, state: State) -> None:
        self._logger.warning("circuit", target=target, state=state)
        self.show()
