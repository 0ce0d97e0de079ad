"""What a platform asks: alive, ready, and how it goes."""

from collections.abc import Awaitable, Callable, Mapping

from torana.edge.app import respond_json
from torana.edge.exchange import Exchange
from torana.telemetry.signals import CONTENT_TYPE, Signals

Check = Callable[[], Awaitable[bool]]
States = Callable[[], Mapping[str, str]]


async def alive(exchange: Exchange) -> None:
    """The process answers."""
    await respond_json(exchange, {"status": "ok"})


class Readiness:
    """Whether this process can do its work now, check by check, and what it knows of its targets.

    A target that is left alone does not make it unready: taking a process out of service mends no upstream.
    """

    def __init__(self, checks: Mapping[str, Check], targets: States) -> None:
        self._checks = checks
        self._targets = targets

    async def serve(self, exchange: Exchange) -> None:
        """200 when every check passes, 503 when one does not; each by its name, and the state of each circuit."""
        results = {name: await check() for name, check in self._checks.items()}
        ready = all(results.values())
        document = {
            "status": "ready" if ready else "not ready",
            "checks": {name: "ok" if passed else "failing" for name, passed in results.items()},
            "targets": dict(self._targets()),
        }
        await respond_json(exchange, document, 200 if ready else 503)


class Metrics:
    """The text that Prometheus scrapes; ``refresh`` brings up to date what changes by itself."""

    def __init__(self, signals: Signals, *refresh: Callable[[], None]) -> None:
        self._signals = signals
        self._refresh = refresh

    async def serve(self, exchange: Exchange) -> None:
        """All metrics."""
        for each in self._refresh:
            each()
        await exchange.respond(200, [("content-type", CONTENT_TYPE)], self._signals.render())
