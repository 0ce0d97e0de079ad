"""Checks that look for patterns: the operator's own, and those of secrets."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from torana.config.guardrails import Guardrail
from torana.policy.guardrails.checks import NOTHING, CheckFailed, Finding, Matter
from torana.policy.guardrails.expressions import compiled, found
from torana.policy.guardrails.leaks import leaks

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Expressions:
    """Looks for the operator's expressions."""

    settings: Guardrail
    patterns: tuple[re.Pattern[str], ...]
    most: int

    @classmethod
    def of(cls, settings: Guardrail, *, most: int) -> "Expressions":
        """The check that settings make, on ``most`` characters of one matter; ValueError for an unsafe expression."""
        return cls(settings, tuple(compiled(written) for written in settings.patterns), most)

    async def look(self, matter: Matter) -> Finding:
        """Whether one of them matches."""
        spans: dict[str, list[Span]] = {}
        for text in bounded(matter.texts, self.most):
            if text not in spans and (spans_here := await self._spans(text)):
                spans[text] = spans_here
                if self.settings.operation == "validate":
                    break
        return concluded(self.settings, matter, spans, "It has something that is not allowed.")

    async def _spans(self, text: str) -> list[Span]:
        return [span for pattern in self.patterns async for span in found(pattern, text)]


@dataclass(frozen=True, slots=True)
class Secrets:
    """Looks for secrets."""

    settings: Guardrail
    most: int

    async def look(self, matter: Matter) -> Finding:
        """Whether there are any, and of which kinds."""
        kinds: set[str] = set()
        spans: dict[str, list[Span]] = {}
        for text in bounded(matter.texts, self.most):
            for kind, begin, end in leaks(text):
                kinds.add(kind)
                spans.setdefault(text, []).append((begin, end))
        return concluded(self.settings, matter, spans, f"It has what looks like: {', '.join(sorted(kinds))}.")


def bounded(found_texts: list[str], most: int) -> list[str]:
    """The texts; CheckFailed where they are longer than ``most`` characters together."""
    if sum(map(len, found_texts)) > most:
        raise CheckFailed(f"more than {most:,} characters")
    return found_texts


def concluded(settings: Guardrail, matter: Matter, spans: dict[str, list[Span]], why: str) -> Finding:
    """What follows from what was found where in which texts."""
    if not spans:
        return NOTHING
    if settings.operation == "validate":
        return Finding(found=True, why=why)

    def change(text: str) -> str:
        return _replaced(text, spans[text], settings.replacement) if text in spans else text

    return Finding(found=True, why=why, document=matter.changed(change))


def _replaced(text: str, spans: Iterable[Span], replacement: str) -> str:
    pieces: list[str] = []
    at = 0
    for begin, end in sorted(spans):
        if begin >= at:
            pieces += (text[at:begin], replacement)
        at = max(at, end)
    return "".join([*pieces, text[at:]])
