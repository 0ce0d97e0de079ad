"""Vendors of language as types of provider that operators can name, with pictures or without."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from torana.config.upstreams import Account
from torana.core.exchange import Target
from torana.providers.base import Declaration, Lent, Operation, Provider
from torana.providers.imaging.vendor import Door, bearer
from torana.providers.language.offer import Language
from torana.providers.language.speaker import Speaker

_SETTINGS = frozenset({
    "api_key", "base_url", "models", "timeouts", "max_reply", "max_connections", "max_waiting", "options",
    "prices", "proxy", "http2",
})  # fmt: skip
"""What any account with a vendor of language may have set."""


@dataclass(frozen=True, slots=True)
class _Both:
    """One account that does what two providers do."""

    operations: Mapping[str, Operation]
    one: Provider = field(repr=False)
    other: Provider = field(repr=False)

    def worst(self, request: Any, target: Target) -> Decimal | None:  # noqa: ANN401 - any family's
        """What the one says who would answer."""
        asked = self.one if request.operation in self.one.operations else self.other
        return asked.worst(request, target)


def speaking(declaration: Declaration, language: Language, *, door: Door = bearer) -> Declaration:
    """A type of provider that has pictures, with language besides: one account does both.

    ``door`` is the language's; the address is the pictures', unless the language has its own.
    """
    pictures = declaration.build

    def build(account: Account, key: str | None, lent: Lent) -> Provider:
        # Both go through the same connections.
        lent = replace(lent, connect=lru_cache(1)(lent.connect))
        drawing = pictures(account, key, lent)
        speaker = _speaker(account, key, lent)
        return _Both({**drawing.operations, **speaker.operations}, drawing, speaker)

    _speaker = _builder(language, door, language.base_url or declaration.base_url)
    return replace(
        declaration,
        build=build,
        spoken=language.operations,
        spoken_models=language.named,
        spoken_price=language.price,
        straight=language.straight,
        reckoned=frozenset(language.reckoned),
        takes=declaration.takes | _SETTINGS,
    )


def language_only(
    *,
    type: str,  # noqa: A002 - as Declaration has it
    summary: str,
    language: Language,
    door: Door = bearer,
    **facts: Any,  # noqa: ANN401 - Declaration's
) -> Declaration:
    """A type of provider that has no pictures. ``facts`` are further ones of ``Declaration``."""
    keyed = facts.pop("keyed", True)
    needs: frozenset[str] = facts.pop("needs", frozenset({"api_key"} if keyed else ()))
    if language.base_url is None:
        needs |= {"base_url"}
    return Declaration(
        type=type,
        summary=summary,
        build=_builder(language, door, language.base_url),
        abilities={},
        base_url=language.base_url,
        needs=needs,
        takes=_SETTINGS,
        spoken=language.operations,
        spoken_models=language.named,
        spoken_price=language.price,
        straight=language.straight,
        reckoned=frozenset(language.reckoned),
        **facts,
    )


def _builder(language: Language, door: Door, base_url: str | None) -> Callable[[Account, str | None, Lent], Speaker]:
    def build(account: Account, key: str | None, lent: Lent) -> Speaker:
        # An account's own address is where pictures are, too.
        written = language.base_url if account.base_url is None else account.base_url
        start = f"{str(written or base_url).rstrip('/')}{language.prefix}"
        return Speaker(language, account, key, lent, door=door, base_url=start)

    return build
