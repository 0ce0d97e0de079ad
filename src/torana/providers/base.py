"""What a provider is, and how the ones that exist are found."""

import asyncio
import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol, TypeVar, get_args

import torana.providers
from torana.config.upstreams import Account, Prompts
from torana.core.clock import Clock
from torana.core.content import OutputFormat, Picture, Size
from torana.core.errors import DeadlineExceeded
from torana.core.exchange import Context, Reply, Target
from torana.core.price import Price
from torana.media.job import Source
from torana.media.jobs.fitting import fit
from torana.media.jobs.preparing import Demands, Prepared, prepare, prepare_with_mask
from torana.media.jobs.signing import Credentials, sign
from torana.media.marks import SourceType, mark
from torana.media.workers import Workers
from torana.providers.imaging.ability import Ability
from torana.upstream.client import Client
from torana.upstream.proxy import Proxy

T = TypeVar("T")
ANY = "*"
ROWS = ("compatible", "speaking", "serving")
"""Modules that hold many types, each a row."""


class Downloads(Protocol):
    """Fetches pictures that upstreams link to."""

    async def fetch(self, url: str, *, allowed_hosts: Collection[str], max_bytes: int, within: float) -> bytes:
        """The bytes behind a link; UpstreamError when they cannot be had, or must not."""
        ...


Operation = Callable[[Any, str, Context], Awaitable[Reply[Any]]]
"""A family's request, the model's name at the provider, the call it serves; gives the family's reply."""
Worst = Callable[[Any, Target], Decimal | None]
"""A family's request and where it would go; gives US dollars: 0 for what is free, None where nobody can tell."""


class Provider(Protocol):
    """An account with a provider, ready to be called."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What it can do, by the family's operation name."""
        ...

    @property
    def worst(self) -> Worst:
        """The most that one attempt may plausibly cost; it asks nobody, and is quick enough for every call."""
        ...


class Connect(Protocol):
    """Opens clients."""

    def __call__(self, per_host: int, waiting: int = 1000, *, proxy: Proxy | None = ..., http2: bool = ...) -> Client:
        """A client that keeps ``per_host`` connections to one host, and lets ``waiting`` calls wait, at most.

        It goes through the account's proxy unless it is told another, or None: that is for what stands beside us. So it
        speaks HTTP/2 where the account says ``http2``.
        """
        ...


@dataclass(frozen=True, slots=True)
class Lent:
    """What the house lends to every provider."""

    connect: Connect
    patient: Callable[[Client], Client]
    """The same client, which sends again what the upstream would not take yet."""
    downloads: Downloads
    workers: Workers
    work_deadline: float
    """Time for one call's pictures in the workers, in seconds."""
    max_pixels: int
    """Of one picture that is decoded."""
    prompts: Prompts
    """What models that need words are told when a variation is asked for."""
    mark: bool
    """Whether made pictures say that they were made."""
    credentials: Credentials | None
    """What made pictures are signed with, where they are."""
    clock: Clock

    async def fitted(self, source: Source, *, size: Size, output_format: OutputFormat) -> Picture:
        """A picture brought to an exact size and format by a worker; InvalidImage when it cannot be decoded."""
        return await self._in_time(
            fit(self.workers, source, size=size, output_format=output_format, max_pixels=self.max_pixels)
        )

    async def prepared(self, source: Source, demands: Demands, *, caller: str) -> Prepared:
        """A source as an upstream demands it; InvalidImage when it cannot be decoded."""
        return await self._in_time(
            prepare(self.workers, source, demands=demands, max_pixels=self.max_pixels, caller=caller)
        )

    async def prepared_with_mask(
        self, source: Source, mask: Source, demands: Demands, *, caller: str
    ) -> tuple[Prepared, Prepared]:
        """A source as an upstream demands it, and its mask cropped and scaled with it."""
        return await self._in_time(
            prepare_with_mask(
                self.workers, source, mask=mask, demands=demands, max_pixels=self.max_pixels, caller=caller
            )
        )

    async def marked(self, picture: Picture, kind: SourceType, *, caller: str) -> Picture:
        """The picture with a note in it of how it came to be, and signed, as far as the operator wants that.

        A format that can hold neither stays as it is. ValueError when it is no whole picture.
        """
        if picture.info.format not in get_args(OutputFormat):
            return picture
        if self.mark:
            picture = Picture(mark(picture.data, kind), picture.info)
        if self.credentials is None:
            return picture
        return await self._in_time(
            sign(self.workers, picture, credentials=self.credentials, source_type=kind, caller=caller)
        )

    async def _in_time(self, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self.work_deadline):
                return await work
        except TimeoutError as error:
            raise DeadlineExceeded(f"The picture could not be prepared within {self.work_deadline:g} s.") from error


def _silent(_model: str) -> frozenset[str]:
    """It has no words."""
    return frozenset()


def _untold(_model: str) -> None:
    """Nobody knows what its words cost."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One type of provider, as operators name it in ``type``."""

    type: str
    summary: str
    build: Callable[[Account, str | None, Lent], Provider] = field(repr=False)
    """Makes the provider of an account from its settings and its key, None where there is no key."""
    abilities: Mapping[str, Ability]
    """What each model it is known to have can do; ``*`` stands for any other that an operator names."""
    base_url: str | None = None
    """Where its API starts; None where only the operator knows."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Further settings that an account may have under ``options``, and what each is."""
    needs: frozenset[str] = frozenset()
    """Settings and options that an account must have."""
    takes: frozenset[str] = frozenset()
    """Settings that an account may have."""
    aliases: frozenset[str] = frozenset()
    """What other gateways put before its models' names, and names (``*`` as a wild card) that they know without."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    """What other gateways call its options, each with our name; those for ``api_key`` make it up, joined by ``:``."""
    imitated_by: str | None = None
    """The type of servers elsewhere that speak as it does."""
    note: str = ""
    """What operators should know of its state: what is ending, and when."""
    warm: str | None = None
    """A function for the workers to run once at their start, as ``module:function``."""
    extra: str | None = None
    """The optional dependencies it cannot do without."""
    alone: str | None = None
    """Its account's name where there is no configuration; for providers that need neither key nor network."""
    spoken: Callable[[str], frozenset[str]] = field(default=_silent, repr=False)
    """What a model can be asked for in words, beside the pictures of its ability."""
    spoken_models: tuple[str, ...] = ()
    """Models it is known to have for that."""
    spoken_price: Callable[[str], Price | None] = field(default=_untold, repr=False)
    """What a model's words cost, as far as that is known."""
    reckoned: frozenset[str] = frozenset()
    """What of that nobody is asked: the answer is an estimate of ours."""
    straight: frozenset[str] = frozenset()
    """What of that it is asked as the client asks it; all else is translated."""

    @property
    def models(self) -> tuple[str, ...]:
        """Models it is known to have."""
        return tuple(dict.fromkeys((*(name for name in self.abilities if name != ANY), *self.spoken_models)))

    @property
    def closed(self) -> bool:
        """Whether it has no other models."""
        return ANY not in self.abilities and not self.spoken(ANY)

    def priced(self, model: str) -> bool:
        """Whether it is known what a model costs."""
        ability = self.abilities.get(model, self.abilities.get(ANY))
        return self.spoken_price(model) is not None or (ability is not None and ability.price is not None)

    def operations(self, model: str) -> frozenset[str]:
        """What a model can do; nothing when there is no such model."""
        if model in self.abilities and model not in self.spoken_models:
            return self.abilities[model].operations
        if model in self.spoken_models and model not in self.abilities:
            return self.spoken(model)
        ability = self.abilities.get(model, self.abilities.get(ANY))
        return self.spoken(model) | (frozenset() if ability is None else ability.operations)


class Declarations(Mapping[str, Declaration]):
    """Every type of provider there is, by name: what the modules here say that have ``DECLARATIONS``.

    A type is imported when it is asked for, so that a gateway is no larger than what its configuration names. Its
    module has its name, or is one of those that hold many.
    """

    def __init__(self) -> None:
        self._found: dict[str, Declaration] = {}
        self.unread = {module.name for module in pkgutil.iter_modules(torana.providers.__path__)}
        """Modules that nobody needed yet."""

    def __getitem__(self, kind: str) -> Declaration:
        if kind not in self._found:
            own = kind.replace("-", "_")
            for name in (own,) if own in self.unread else (*ROWS, *self.unread):
                self._read(name)
                if kind in self._found:
                    break
        return self._found[kind]

    def __iter__(self) -> Iterator[str]:
        for name in tuple(self.unread):
            self._read(name)
        return iter(sorted(self._found))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _read(self, name: str) -> None:
        if name not in self.unread:
            return
        module = importlib.import_module(f"{torana.providers.__name__}.{name}")
        self.unread.discard(name)
        self._found |= {declared.type: declared for declared in getattr(module, "DECLARATIONS", ())}


def declarations() -> Mapping[str, Declaration]:
    """Every type of provider there is, by name, read as it is asked for."""
    return Declarations()
