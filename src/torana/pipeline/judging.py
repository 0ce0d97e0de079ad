"""Asks one of the gateway's own models to moderate, for guardrails: at the same providers as for callers.

It is no call of anybody's: no limit counts it, and no budget pays for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torana.core.errors import ToranaError, UpstreamError
from torana.core.exchange import Context, Reply, Target
from torana.families.language.asked import Spoken
from torana.families.language.moderations import MODERATE, read_moderation
from torana.policy.guardrails.checks import Matter
from torana.providers.base import Provider
from torana.routing.attempts import walk
from torana.routing.catalog import Catalog
from torana.routing.course import Claim
from torana.routing.health import Health
from torana.routing.selection import Caller, subject_of
from torana.telemetry.record import trace_headers


@dataclass(frozen=True, slots=True)
class Judging:
    """The models, and who has them."""

    catalog: Catalog
    providers: Mapping[str, Provider]
    health: Health

    async def judge(self, body: bytes, matter: Matter) -> bytes:
        """The answer of the model that the body names; any ToranaError where there is none."""
        request = read_moderation(body)
        plan = self.catalog.plan(request.model, MODERATE)
        who = matter.facts.principal
        caller = Caller(subject_of(who), matter.facts.metadata)

        async def attempt(target: Target, _claim: Claim) -> Reply[Spoken]:
            context = Context(
                caller.subject, headers=(*trace_headers(), *target.headers), parameters=dict(target.parameters)
            )
            return await self.providers[target.account].operations[MODERATE](request, target.model, context)

        _, reply = await walk(plan, attempt, _unreported, health=self.health, caller=caller)
        if reply.body.told:
            raise UpstreamError("The moderation model told its answer as it came.")
        return reply.body.data


def _unreported(_target: Target, _error: ToranaError) -> None:
    """The guardrail tells of it, if nobody answers."""
