"""Checks that ask somebody: a moderation model of the gateway's own, or a service of the operator's."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from torana.config.guardrails import Guardrail
from torana.core.errors import ToranaError
from torana.core.exchange import Principal
from torana.policy.guardrails.checks import NOTHING, CheckFailed, Finding, Matter
from torana.policy.guardrails.patterns import bounded
from torana.policy.guardrails.texts import pictures

Judge = Callable[[bytes, Matter], Awaitable[bytes]]
"""Asks a model to moderate; gives its answer as OpenAI's clients know it."""
Post = Callable[[str, tuple[tuple[str, str], ...], bytes], Awaitable[tuple[int, bytes]]]
"""Posts JSON to a URL with these headers; gives the status and the body. OSError or ToranaError when it cannot."""

_LONGEST_WHY = 300
_OK = range(200, 300)


class _Result(Struct):
    flagged: bool = False
    categories: dict[str, bool | None] = {}
    category_scores: dict[str, float | None] = {}


class _Results(Struct):
    results: list[_Result]


class _Verdict(Struct):
    verdict: bool
    message: str | None = None
    transformed: bool = False
    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Moderation:
    """Asks a moderation model."""

    settings: Guardrail
    judge: Judge
    most: int

    async def look(self, matter: Matter) -> Finding:
        """Whether it flags what is said or shown, or scores it higher than the operator lets pass."""
        said = [text for text in bounded(matter.texts, self.most) if text.strip()]
        shown = await _shown(matter, self.most) if self.settings.pictures else ()
        if not said and not shown:
            return NOTHING
        asked: list[Any] = [*said]
        if shown:
            asked = [
                *({"type": "text", "text": text} for text in said),
                *({"type": "image_url", "image_url": {"url": picture}} for picture in shown),
            ]
        body = msgspec.json.encode({"model": self.settings.model, "input": asked})
        try:
            results = msgspec.json.decode(await self.judge(body, matter), type=_Results).results
        except ToranaError as error:
            raise CheckFailed(f"the moderation model failed: {error.code}") from error
        except ValueError as error:
            raise CheckFailed("the moderation model's answer makes no sense") from error
        if not results:
            raise CheckFailed("the moderation model answered nothing")
        over = sorted({category for result in results for category in self._over(result)})
        return Finding(found=True, why=f"It was found to be: {', '.join(over)}.") if over else NOTHING

    def _over(self, result: _Result) -> Sequence[str]:
        if self.settings.thresholds:
            scores = result.category_scores
            return [name for name, most in self.settings.thresholds.items() if (scores.get(name) or 0.0) >= most]
        if not result.flagged:
            return ()
        return [name for name, is_so in result.categories.items() if is_so] or ["harmful"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Asks a service of the operator's."""

    settings: Guardrail
    post: Post
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    most: int = 0

    async def look(self, matter: Matter) -> Finding:
        """What it says: a verdict, or the document as it is to be."""
        settings = self.settings
        told: dict[str, Any] = {"requestBody": matter.request, "context": _context(matter), "config": settings.config}
        if matter.answer is not None:
            told["responseBody"] = matter.answer
        if settings.pictures and (shown := await matter.pictures()):
            told["pictures"] = _within(shown, self.most)
        body = msgspec.json.encode(told)
        if len(body) > self.most:
            raise CheckFailed(f"more than {self.most:,} bytes")
        try:
            status, said = await self.post(settings.url or "", self.headers, body)
        except (OSError, ToranaError) as error:
            raise CheckFailed("the webhook could not be reached") from error
        if status not in _OK:
            raise CheckFailed(f"the webhook answered with status {status}")
        try:
            verdict = msgspec.json.decode(said, type=_Verdict)
        except (ValueError, RecursionError) as error:
            raise CheckFailed("the webhook's answer makes no sense") from error
        return _finding(settings, verdict)


def _finding(settings: Guardrail, verdict: _Verdict) -> Finding:
    if not verdict.verdict:
        why = verdict.message
        return Finding(found=True, why=None if why is None else _plain(why))
    if settings.operation == "validate" or not verdict.transformed:
        return NOTHING
    if verdict.result is None:
        raise CheckFailed("the webhook says that it changed something, and not what")
    return Finding(found=True, document=verdict.result)


async def _shown(matter: Matter, most: int) -> Sequence[str]:
    return _within([*pictures(matter.document), *await matter.pictures()], most)


def _within(shown: Sequence[str], most: int) -> Sequence[str]:
    if sum(map(len, shown)) > most:
        raise CheckFailed(f"pictures of more than {most:,} bytes")
    return shown


def _context(matter: Matter) -> Mapping[str, Any]:
    who: Principal = matter.facts.principal
    user = {"subjectId": who.subject, "subjectType": who.kind, "subjectSlug": who.name}
    return {"user": user, "metadata": matter.facts.metadata}


def _plain(why: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in why[:_LONGEST_WHY])
