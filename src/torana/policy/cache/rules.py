"""Which calls are answered from what was kept, and whose answers are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from torana.config.caching import CacheRule
from torana.core.clock import Clock
from torana.core.errors import InvalidRequest
from torana.core.exchange import CacheWish, Wishes
from torana.policy.cache.naming import Sought, name_of
from torana.policy.matching import Facts, Fitting, remembered
from torana.storage.cache.port import Answers, AnswersUnavailable

_HEADER = "x-torana-cache-config"

Tell = Callable[[str], None]
"""Told what came of a step: ``hit``, ``miss``, ``stored`` or ``error``."""


class Kept(Struct, frozen=True, array_like=True):
    """An answer as it is kept."""

    at: float
    """When, in seconds since the epoch."""
    account: str
    model: str
    """The target that gave it."""
    data: bytes
    media_type: str
    emulated: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shelf:
    """The place of one call's answer. Whatever fails is as if nothing had been kept."""

    answers: Answers
    clock: Clock
    tell: Tell
    name: str
    ttl: float
    most: int
    """Bytes of an answer."""
    finds: bool = True
    """Whether the caller takes an answer that was kept."""
    keeps: bool = True
    """Whether he lets his be kept."""

    async def find(self) -> tuple[Kept | None, str]:
        """What was kept, and how that went: ``hit``, ``miss`` or ``error``."""
        if not self.finds:
            return None, self._told("miss")
        try:
            data = await self.answers.get(self.name)
        except AnswersUnavailable:
            return None, self._told("error")
        kept = None if data is None else _read(data)
        # Another caller may have had it kept for longer than this one wants.
        if kept is None or self.clock.now() - kept.at > self.ttl:
            return None, self._told("miss")
        return kept, self._told("hit")

    async def keep(self, kept: Kept) -> None:
        """Keeps it for the next."""
        data = msgspec.msgpack.encode(kept)
        if not self.keeps or len(data) > self.most:
            return
        try:
            await self.answers.put(self.name, data, self.ttl)
        except AnswersUnavailable:
            self.tell("error")
        else:
            self.tell("stored")

    def _told(self, result: str) -> str:
        self.tell(result)
        return result


@dataclass(frozen=True, slots=True)
class Caching:
    """The rules of the settings, and where answers are kept."""

    rules: Sequence[CacheRule] = ()
    answers: Answers | None = None
    clock: Clock | None = None
    most: int = 0
    """Bytes of one answer."""
    editions: Mapping[str, str] = field(default_factory=dict)
    """By account, what tells it from what it was under another configuration."""
    tell: Tell = lambda _result: None
    _fitting: Callable[[Facts], list[CacheRule]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fitting = Fitting((rule, rule) for rule in self.rules)
        object.__setattr__(self, "_fitting", remembered(fitting.to, self.rules))

    def rule(self, facts: Facts, wishes: Wishes) -> CacheRule | None:
        """The rule that is for a call; InvalidRequest where its caller wants what there is not."""
        wish = wishes.cache
        if wish is not None and wish.kind != "exact-match":
            raise InvalidRequest(
                f"{_HEADER}: answers are kept for requests that are exactly the same; 'semantic' is not to be had.",
                param=_HEADER,
                code="unsupported_value",
            )
        if wishes.afresh and wishes.unkept:
            return None
        for rule in self._fitting(facts) if self.rules else ():
            if wish is not None or not rule.callers:
                return rule
        return None

    def shelf(self, rule: CacheRule, sought: Sought, wishes: Wishes, *, owner: str) -> Shelf:
        """Where the answer to a call is kept. ``owner`` is who finds it, where nobody else does."""
        assert self.answers is not None, "there is a rule"
        assert self.clock is not None, "there is a rule"
        # What a caller wants counts only where a rule lets him want it.
        wish = (wishes.cache if rule.callers else None) or CacheWish("exact-match")
        finder = None if rule.per == "everyone" else owner
        name = name_of(sought, namespace=(rule.name, wish.namespace or ""), owner=finder)
        return Shelf(
            self.answers,
            self.clock,
            self.tell,
            name,
            ttl=rule.ttl if wish.ttl is None else min(rule.ttl, wish.ttl),
            most=self.most,
            finds=not wishes.afresh,
            keeps=not wishes.unkept,
        )


def _read(data: bytes) -> Kept | None:
    try:
        return msgspec.msgpack.decode(data, type=Kept)
    except ValueError:
        # Another version wrote it.
        return None


UNKEPT = Caching()
"""Nothing is kept."""
