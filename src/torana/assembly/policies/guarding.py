"""Makes guardrails of their settings, with the ways to whom they ask."""

from collections.abc import Mapping
from dataclasses import dataclass

from torana.config.guardrails import Guardrail
from torana.config.model import Settings
from torana.config.secrets import read_secret
from torana.core.exchange import Message
from torana.policy.guardrails.asking import Judge, Moderation, Post, Webhook
from torana.policy.guardrails.checks import Check, Named
from torana.policy.guardrails.patterns import Expressions, Secrets
from torana.policy.guardrails.rules import UNGUARDED, Guards
from torana.policy.guardrails.watch import Result
from torana.telemetry.logs import Logger
from torana.telemetry.signals import Signals
from torana.upstream.client import Client, Origin, Timeouts

_JSON = ("content-type", "application/json")
CONNECTIONS = 64
"""To one webhook at once."""


@dataclass(frozen=True, slots=True)
class Posting:
    """Posts to webhooks; whoever posts bounds the time of it all."""

    client: Client
    within: float
    max_reply: int

    async def post(self, url: str, headers: tuple[tuple[str, str], ...], body: bytes) -> tuple[int, bytes]:
        """The status of the answer, and its body; ToranaError when there is none."""
        base, path = _cut(url)
        message = Message("POST", path, (_JSON, *headers), (body,))
        timeouts = Timeouts(self.within, self.within, self.within)
        async with self.client.send(message, Origin(base), timeouts=timeouts, max_reply=self.max_reply) as reply:
            return reply.status, await reply.read()


@dataclass(frozen=True, slots=True)
class Guarding:
    """What guardrails are made with."""

    environ: Mapping[str, str]
    judge: Judge
    client: Client
    logger: Logger
    signals: Signals

    def guards(self, settings: Settings) -> Guards:
        """The guardrails of the settings; SecretMissing when a webhook's token is not there."""
        guardrails = settings.guardrails
        if not guardrails.checks:
            return UNGUARDED
        checks = {
            name: Named(name, check, self._check(check, guardrails.max_sent))
            for name, check in guardrails.checks.items()
        }
        return Guards(checks, guardrails.rules, self._tell)

    def _check(self, check: Guardrail, most: int) -> Check:
        match check.kind:
            case "regex":
                return Expressions.of(check, most=most)
            case "secrets":
                return Secrets(check, most)
            case "moderation":
                return Moderation(check, self.judge, most)
            case "webhook":
                post: Post = Posting(self.client, check.timeout, most).post
                return Webhook(check, post, self._headers(check), most)

    def _headers(self, check: Guardrail) -> tuple[tuple[str, str], ...]:
        if check.token is None:
            return tuple(check.headers.items())
        token = read_secret(check.token, self.environ).decode()
        return *check.headers.items(), ("authorization", f"Bearer {token}")

    def _tell(self, name: str, result: Result, why: str) -> None:
        self.signals.guardrails.labels(name, result).inc()
        if result in {"failed", "audited"}:
            self.logger.warning("guardrail", guardrail=name, result=result, reason=why or None)


def check_tokens(settings: Settings, environ: Mapping[str, str]) -> None:
    """SecretMissing when a webhook's token is not there."""
    for check in settings.guardrails.checks.values():
        if check.token is not None:
            read_secret(check.token, environ)


def _cut(url: str) -> tuple[str, str]:
    """A URL as an origin and a path below it."""
    scheme, _, rest = url.partition("://")
    base, slash, path = rest.rpartition("/")
    return (f"{scheme}://{base}", path) if slash else (url, "")
