"""One call's guardrails at work: those that replace one after the other, then those that only look, all at once.

The first finding of one that is enforced refuses the call; one that is audited is counted and changes nothing. A check
that fails refuses the call as well, unless its strategy lets it pass.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from torana.core.errors import GuardrailBlocked, GuardrailFailed, ToranaError
from torana.core.together import all_or_none
from torana.policy.guardrails.checks import CheckFailed, Finding, Matter, Named, Pictures, no_pictures
from torana.policy.matching import Facts

Result = Literal["passed", "blocked", "changed", "audited", "failed"]
Tell = Callable[[str, Result, str], None]
"""Told the guardrail, what came of it, and why it failed where it did."""

_BESIDE = ("llm_input_guardrails", "llm_output_guardrails")
_WHAT = ("request", "answer")


@dataclass(frozen=True, slots=True)
class Watch:
    """The guardrails that are for one call."""

    before: tuple[Named, ...] = ()
    after: tuple[Named, ...] = ()
    tell: Tell = lambda _name, _result, _why: None
    held: bool = False
    """Whether an answer that comes as events is held back until it is whole."""
    last_only: frozenset[str] = frozenset()
    """Those that look at the last message only, because a caller added them so."""

    @property
    def edition(self) -> str:
        """What tells an answer that these let pass from one that others did."""
        return repr([(named.name, named.settings) for named in self.after])

    async def asked(
        self, request: Mapping[str, Any], facts: Facts, pictures: Pictures = no_pictures
    ) -> Mapping[str, Any]:
        """The request as it may go on; GuardrailBlocked, and GuardrailFailed where that cannot be told."""
        matter = await self._changed(self.before, Matter(facts, request, pictures=pictures))
        await self._looked(self.before, matter)
        return matter.request

    async def answered(self, request: Mapping[str, Any], answer: Mapping[str, Any], facts: Facts) -> Mapping[str, Any]:
        """The answer as the client may have it; errors as above, and money was spent then."""
        matter = Matter(facts, request, answer)
        try:
            matter = await self._changed(self.after, matter)
            await self._looked(self.after, matter)
        except ToranaError as error:
            error.spent = True
            raise
        assert matter.answer is not None
        return matter.answer

    async def _changed(self, checks: Sequence[Named], matter: Matter) -> Matter:
        for named in checks:
            if named.settings.operation == "mutate":
                document = await self._concluded(named, matter)
                if document is not None:
                    matter = matter.with_document(document)
        return matter

    async def _looked(self, checks: Sequence[Named], matter: Matter) -> None:
        looking = [self._concluded(named, matter) for named in checks if named.settings.operation == "validate"]
        if len(looking) == 1:
            await looking[0]
        elif looking:
            await all_or_none(looking)

    async def _concluded(self, named: Named, matter: Matter) -> Mapping[str, Any] | None:
        """What takes the document's place, if anything does."""
        settings = named.settings
        only_last = matter.answer is None and (settings.scope == "last" or named.name in self.last_only)
        finding = await self._found(named, replace(matter, last_only=only_last))
        if finding is None:
            return None
        if not finding.found:
            self.tell(named.name, "passed", "")
        elif settings.strategy == "audit":
            self.tell(named.name, "audited", "")
        elif finding.document is not None:
            self.tell(named.name, "changed", "")
            return finding.document
        else:
            self.tell(named.name, "blocked", "")
            raise _blocked(named, finding, answered=matter.answer is not None)
        return None

    async def _found(self, named: Named, matter: Matter) -> Finding | None:
        """What a check finds; None where it failed and may."""
        seconds = named.settings.timeout
        try:
            async with asyncio.timeout(seconds) as limit:
                return await named.check.look(matter)
        except TimeoutError as error:
            if not limit.expired():
                raise
            failure = CheckFailed(f"it took longer than {seconds}")
            failure.__cause__ = error
        except CheckFailed as error:
            failure = error
        self.tell(named.name, "failed", str(failure))
        if named.settings.strategy == "enforce":
            failed = GuardrailFailed(
                f"The guardrail '{named.name}' cannot be asked at the moment. Try again.", retry_after=1
            )
            failed.rule = named.name
            raise failed from failure
        return None


def _blocked(named: Named, finding: Finding, *, answered: bool) -> GuardrailBlocked:
    why = named.settings.message or finding.why
    message = f"The guardrail '{named.name}' blocked this {_WHAT[answered]}.{f' {why}' if why else ''}"
    error = GuardrailBlocked(message)
    error.rule = named.name
    verdict = {"verdict": False, "explanation": why or ""}
    error.beside = {
        "status": "failure",
        "message": message,
        "guardrail_checks": {
            _BESIDE[answered]: [{"guardrail_integration": named.name, "result": "failed", "data": verdict}]
        },
    }
    return error


UNWATCHED = Watch()
"""Nobody looks."""
