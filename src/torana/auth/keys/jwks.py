"""The keys of one issuer: given once, or fetched in the background and kept when the issuer is down."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from math import inf
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

from torana.auth.keys.jwk import Key, KeyRefused, jwks_keys, read_document
from torana.config.model import Issuer
from torana.core.clock import Clock

Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]
"""Gets a URL and returns the body of its 200 reply; anything else is an error of any kind."""
Sleep: TypeAlias = Callable[[float], Awaitable[object]]

FETCH_TIME = 10.0
"""Seconds for one refresh, discovery included."""
PATIENCE = 3.0
"""Seconds that a request waits for a refresh."""
_RETRIES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Seconds to wait after the first, second ... refresh that failed in a row."""

_log = logging.getLogger(__name__)


class KeySet(Protocol):
    """The keys of one issuer."""

    @property
    def version(self) -> int:
        """Another number whenever the keys are others."""
        ...

    @property
    def ready(self) -> bool:
        """Whether there is any key."""
        ...

    def find(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """The keys that may have signed a token with this ``kid`` and algorithm."""
        ...

    async def refresh_for(self, kid: str | None) -> bool:
        """Look for a key that is not here yet, within reason; whether the keys are others now."""
        ...

    def start(self) -> None:
        """Begin to keep the keys fresh; needs a running event loop."""
        ...

    async def stop(self) -> None:
        """End it."""
        ...


@dataclass(frozen=True, slots=True)
class StaticKeys:
    """Keys that stay as they are until the configuration is read again."""

    keys: tuple[Key, ...]
    version: int = 0

    @property
    def ready(self) -> bool:
        """Whether there is any key."""
        return bool(self.keys)

    def find(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """The keys that may have signed a token with this ``kid`` and algorithm."""
        return _fitting(self.keys, kid, algorithm)

    async def refresh_for(self, kid: str | None) -> bool:  # noqa: ARG002 - the port's signature
        """Nothing to fetch."""
        return False

    def start(self) -> None:
        """Nothing to begin."""

    async def stop(self) -> None:
        """Nothing to end."""


class RemoteKeys:
    """Keys behind a URL, which discovery finds if the issuer says so.

    They are fetched at the start and every ``refresh`` seconds (1 at least), after a failure sooner. A failure of any
    kind leaves the keys as they are; a proper document replaces them all, even by none: so an issuer revokes them.
    """

    def __init__(self, issuer: Issuer, fetch: Fetch, *, clock: Clock, sleep: Sleep = asyncio.sleep) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._sleep = sleep
        self._keys: tuple[Key, ...] = ()
        self._version = 0
        self._failures = 0
        self._asked = -inf
        self._flight: asyncio.Task[tuple[Key, ...]] | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def version(self) -> int:
        """Another number whenever the keys are others."""
        return self._version

    @property
    def ready(self) -> bool:
        """Whether there is any key."""
        return bool(self._keys)

    def find(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """The keys that may have signed a token with this ``kid`` and algorithm."""
        return _fitting(self._keys, kid, algorithm)

    async def refresh_for(self, kid: str | None) -> bool:
        """Fetch the keys for a ``kid`` that is not among them; whether they are others now.

        Requests cause one fetch in ``refresh_floor`` seconds at most. A fetch that is under way is joined, whoever
        began it, and nobody waits longer than 3 s.
        """
        if kid is not None and any(key.kid == kid for key in self._keys):
            return False
        flight = self._flight or self._ask()
        if flight is None:
            return False
        before = self._version
        await asyncio.wait({flight}, timeout=PATIENCE)
        return self._version != before

    def start(self) -> None:
        """Begin to keep the keys fresh; needs a running event loop."""
        self._keeper = asyncio.create_task(self._keep_fresh())

    async def stop(self) -> None:
        """End it, and a fetch that is under way."""
        tasks = [task for task in (self._keeper, self._flight) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.wait({self._flight or self._take_off()})
            retry = _RETRIES[min(self._failures, len(_RETRIES)) - 1] if self._failures else inf
            await self._sleep(max(_RETRIES[0], min(retry, self._issuer.refresh)))

    def _ask(self) -> asyncio.Task[tuple[Key, ...]] | None:
        now = self._clock.ticks()
        if now - self._asked < self._issuer.refresh_floor:
            return None
        self._asked = now
        return self._take_off()

    def _take_off(self) -> asyncio.Task[tuple[Key, ...]]:
        self._flight = asyncio.create_task(self._fetch_keys())
        self._flight.add_done_callback(self._land)
        return self._flight

    def _land(self, flight: asyncio.Task[tuple[Key, ...]]) -> None:
        self._flight = None
        if flight.cancelled():
            return
        error = flight.exception()
        if error is not None:
            self._failures += 1
            _log.warning("keys of issuer %s not fetched: %s: %s", self._issuer.issuer, type(error).__name__, error)
            return
        self._failures = 0
        if flight.result() != self._keys:
            self._keys = flight.result()
            self._version += 1
            _log.info("issuer %s has %d usable keys now", self._issuer.issuer, len(self._keys))

    async def _fetch_keys(self) -> tuple[Key, ...]:
        async with asyncio.timeout(FETCH_TIME):
            return jwks_keys(await self._fetch(self._issuer.jwks_url or await self._discover()))

    async def _discover(self) -> str:
        url = self._issuer.issuer.rstrip("/") + "/.well-known/openid-configuration"
        document = read_document(await self._fetch(url))
        if document.get("issuer") != self._issuer.issuer:
            raise KeyRefused("the discovery document is another issuer's")
        found = document.get("jwks_uri")
        if not (isinstance(found, str) and is_secure(found)):
            raise KeyRefused("the discovery document's `jwks_uri` is neither https nor http on loopback")
        return found


def is_secure(url: str) -> bool:
    """Whether keys may be fetched from there: https, or http on this machine's loopback."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(str(parts.hostname)))
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _fitting(keys: tuple[Key, ...], kid: str | None, algorithm: str) -> tuple[Key, ...]:
    """A key without a name may have signed any token, and a token that names none may be signed by any key."""
    return tuple(key for key in keys if algorithm in key.algorithms and (kid is None or key.kid in (None, kid)))
