"""What checks have in common: what they are shown, and what they find."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from torana.config.guardrails import Guardrail
from torana.policy.guardrails.texts import last, rewritten, texts, with_last, without_odds
from torana.policy.matching import Facts


class CheckFailed(Exception):
    """The check could not be made; the message is for operators and has nothing of what was checked."""


Pictures = Callable[[], Awaitable[Sequence[str]]]
"""Gives the pictures that came with a request, as data URIs."""


async def no_pictures() -> Sequence[str]:
    """None came."""
    return ()


@dataclass(frozen=True, slots=True)
class Matter:
    """What is checked: a request, or an answer beside its request."""

    facts: Facts
    request: Mapping[str, Any] = field(repr=False)
    answer: Mapping[str, Any] | None = field(default=None, repr=False)
    pictures: Pictures = field(default=no_pictures, repr=False)
    last_only: bool = False
    """Whether of a request only the last message is looked at."""

    @property
    def document(self) -> Mapping[str, Any]:
        """That of both which is checked."""
        if self.answer is not None:
            return self.answer
        return last(self.request) if self.last_only else self.request

    @property
    def texts(self) -> list[str]:
        """All that is said in it."""
        return texts(self.document)

    def with_document(self, document: Mapping[str, Any]) -> "Matter":
        """The same with this in the place of what is checked."""
        return replace(self, request=document) if self.answer is None else replace(self, answer=document)

    def changed(self, change: Callable[[str], str]) -> Mapping[str, Any] | None:
        """The whole document with each text as ``change`` gives it back; None where it is the same."""
        before = self.document
        after = rewritten(before, change)
        if after is before:
            return None
        if self.answer is not None:
            odd: Mapping[str, Any] = without_odds(after)
            return odd
        return with_last(self.request, after) if before is not self.request else after


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check comes to: nothing found, unless it says so."""

    found: bool = False
    why: str | None = None
    """For the refused: nothing of what was found."""
    document: Mapping[str, Any] | None = field(default=None, repr=False)
    """What takes the document's place, where the check replaces what it finds."""


NOTHING = Finding()


class Check(Protocol):
    """One guardrail at work."""

    async def look(self, matter: Matter) -> Finding:
        """What it finds; CheckFailed when it cannot be told."""
        ...


@dataclass(frozen=True, slots=True)
class Named:
    """A guardrail as operators name it."""

    name: str
    settings: Guardrail
    check: Check
