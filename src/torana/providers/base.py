"""What a provider is, and how the ones that exist are found."""

import asyncio
import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torana.providers
from torana.config.model import Account
from torana.core.clock import Clock
from torana.core.content import OutputFormat, Picture, Size
from torana.core.errors import DeadlineExceeded
from torana.core.exchange import Context, Reply
from torana.media.job import Source
from torana.media.jobs.fitting import fit
from torana.media.workers import Workers
from torana.upstream.client import Client


class Downloads(Protocol):
    """Fetches pictures that upstreams link to."""

    async def fetch(self, url: str, *, allowed_hosts: Collection[str], max_bytes: int, within: float) -> bytes:
        """The bytes behind a link; UpstreamError when they cannot be had, or must not."""
        ...


Operation = Callable[[Any, str, Context], Awaitable[Reply[Any]]]
"""A family's request, the model's name at the provider, the call it serves; gives the family's reply."""


class Provider(Protocol):
    """An account with a provider, ready to be called."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What it can do, by the family's operation name."""
        ...


@dataclass(frozen=True, slots=True)
class Lent:
    """What the house lends to every provider."""

    connect: Callable[[int], Client]
    """Opens a client that keeps so many connections to one host at most."""
    downloads: Downloads
    workers: Workers
    work_deadline: float
    """Time for one call's pictures in the workers, in seconds."""
    max_pixels: int
    """Of one picture that is decoded."""
    clock: Clock

    async def fitted(self, source: Source, *, size: Size, output_format: OutputFormat) -> Picture:
        """A picture brought to an exact size and format by a worker; InvalidImage when it cannot be decoded."""
        try:
            async with asyncio.timeout(self.work_deadline):
                return await fit(
                    self.workers, source, size=size, output_format=output_format, max_pixels=self.max_pixels
                )
        except TimeoutError as error:
            raise DeadlineExceeded(f"The picture could not be fitted within {self.work_deadline:g} s.") from error


@dataclass(frozen=True, slots=True)
class Declaration:
    """One type of provider, as operators name it in ``type``."""

    type: str
    summary: str
    operations: frozenset[str]
    build: Callable[[Account, str | None, Lent], Provider] = field(repr=False)
    """Makes the provider of an account from its settings and its key, None where there is no key."""
    models: tuple[str, ...] = ()
    """Models it always has."""
    needs: frozenset[str] = frozenset()
    """Settings that an account must have."""
    takes: frozenset[str] = frozenset()
    """Settings that an account may have."""
    warm: str | None = None
    """A function for the workers to run once at their start, as ``module:function``."""
    extra: str | None = None
    """The optional dependencies it cannot do without."""
    alone: str | None = None
    """Its account's name where there is no configuration; for providers that need neither key nor network."""


def declarations() -> dict[str, Declaration]:
    """Every type of provider there is, by name: each module here that says ``DECLARATIONS``."""
    found: dict[str, Declaration] = {}
    for module in pkgutil.iter_modules(torana.providers.__path__):
        declared = getattr(importlib.import_module(f"{torana.providers.__name__}.{module.name}"), "DECLARATIONS", ())
        found |= {declaration.type: declaration for declaration in declared}
    return dict(sorted(found.items()))
