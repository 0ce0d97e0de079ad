"""Finds answers that were kept for the very same request, and keeps new ones."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from torana.core.exchange import Asked, Call, Plan, Reply, Target, Usage
from torana.families.language.asked import LanguageRequest, Spoken
from torana.families.language.chat.telling import told_usage
from torana.families.language.saying import Tokens
from torana.pipeline.telling import HELD
from torana.policy.cache.naming import Sought
from torana.policy.cache.rules import Caching, Kept, Shelf
from torana.policy.cache.whole import keepable, whole
from torana.policy.guardrails.watch import Watch
from torana.policy.matching import Facts
from torana.routing.selection import Caller, subject_of, suits
from torana.telemetry.record import Record

MOST_ASKED = 4 * 1024**2
"""Bytes of a request; a larger one is not looked up."""
_COUNTED = frozenset({"chat.completions", "completions"})
"""Answers that say what was used only to those who want to know, where they come as events."""
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one call's answer may be, and is kept; nowhere without a shelf."""

    request: Asked | None = None
    targets: tuple[Target, ...] = ()
    shelf: Shelf | None = None

    async def find(self, record: Record) -> tuple[Target, Reply[Any]] | None:
        """The answer that was kept, and who gave it; it costs nothing."""
        if self.shelf is None:
            return None
        with record.stage("cache"):
            kept, record.cache = await self.shelf.find()
        if kept is None:
            return None
        target = next(
            (each for each in self.targets if (each.account, each.model) == (kept.account, kept.model)),
            Target(kept.account, kept.model),
        )
        spoken = Spoken(kept.data, kept.media_type)
        return target, Reply(spoken, emulated=kept.emulated, ignored=kept.ignored, usage=Usage(cost=Decimal(0)))

    async def keep(self, target: Target, reply: Reply[Any]) -> None:
        """Keeps an answer, if it is whole."""
        spoken, request = reply.body, self.request
        if self.shelf is None or not isinstance(spoken, Spoken) or not isinstance(request, LanguageRequest):
            return
        if spoken.told or spoken.media_type != _JSON or not whole(request.operation, spoken.data):
            return
        data = _counted(request, spoken.data, reply.usage)
        await self.shelf.keep(
            Kept(
                self.shelf.clock.now(),
                target.account,
                target.model,
                data,
                spoken.media_type,
                emulated=tuple(name for name in reply.emulated if name != HELD),
                ignored=reply.ignored,
            )
        )


def place(caching: Caching, call: Call[Any], request: Asked, *, plan: Plan, facts: Facts, watch: Watch) -> Place:
    """Where the answer to a request may be; InvalidRequest where the caller wants what there is not."""
    if not caching.rules and call.wishes.cache is None:
        return NOWHERE
    rule = caching.rule(facts, call.wishes)
    if rule is None or not isinstance(request, LanguageRequest) or len(request.raw) > MOST_ASKED:
        return NOWHERE
    if not keepable(request.operation, request.body):
        return NOWHERE
    caller = Caller(metadata=facts.metadata)
    targets = tuple(target for target in plan.targets if suits(target, caller))
    sought = Sought(
        operation=request.operation,
        model=plan.model,
        body=request.body,
        targets=targets,
        editions=tuple(caching.editions.get(target.account, "") for target in targets),
        guards=watch.edition,
        headers=(*call.forwarded, ("strict", str(call.wishes.strict_openai))),
    )
    return Place(request, targets, caching.shelf(rule, sought, call.wishes, owner=subject_of(facts.principal)))


def _counted(request: LanguageRequest, data: bytes, usage: Usage) -> bytes:
    """The answer with what was used, which the next who gets it may want to know."""
    if request.operation not in _COUNTED or not usage.tokens:
        return data
    answer = msgspec.json.decode(data, type=dict[str, Any])
    if answer.get("usage") is not None:
        return data
    counts = {name: count for name, count in usage.tokens.items() if name in Tokens.__struct_fields__}
    return msgspec.json.encode({**answer, "usage": told_usage(Tokens(**counts))})


NOWHERE = Place()
"""The answer is not kept."""
