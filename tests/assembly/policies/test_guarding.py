import json
from contextlib import asynccontextmanager

import pytest

from tests.assembly.kit import Log, settings_in
from tests.policy.guardrails.kit import FACTS, REQUEST
from torana.assembly.policies.guarding import Guarding, check_tokens
from torana.config.guardrails import Guardrail, Guardrails, GuardRule
from torana.config.secrets import Secret, SecretMissing
from torana.core.errors import GuardrailBlocked, GuardrailFailed, UpstreamUnreachable
from torana.policy.guardrails.rules import UNGUARDED
from torana.telemetry.signals import Signals

HOOK = Guardrail("webhook", url="https://a.example/deep/b", token=Secret(env="HOOK"), headers={"x-a": "b"})


class Client:
    """Answers as it is told, and keeps what it was sent."""

    def __init__(self, answer=b'{"verdict": true}', error=None):
        self.answer, self.error, self.sent = answer, error, []

    @asynccontextmanager
    async def send(self, message, origin, *, timeouts, max_reply, headers=()):
        self.sent.append((origin.url(message.path), dict(message.headers), b"".join(message.body), timeouts.total))
        if self.error is not None:
            raise self.error
        yield self

    status = 200

    async def read(self):
        return self.answer


async def judge(body, matter):
    flagged = b"first" in body
    return json.dumps({"results": [{"flagged": flagged}]}).encode()


def guards(tmp_path, client=None, log=None, signals=None, **checks):
    rules = (GuardRule("all", before=tuple(checks)),) if checks else ()
    settings = settings_in(tmp_path, guardrails=Guardrails(checks=checks, rules=rules))
    log, signals = log or Log(), signals or Signals()
    return Guarding({"HOOK": "secret"}, judge, client or Client(), log.logger, signals).guards(settings)


def test_without_checks_there_are_no_guardrails(tmp_path):
    assert guards(tmp_path) is UNGUARDED


@pytest.mark.parametrize(
    "check", [Guardrail("regex", patterns=("first",)), Guardrail("moderation", model="m")], ids=lambda check: check.kind
)
async def test_a_guardrail_of_each_kind_finds(tmp_path, check):
    with pytest.raises(GuardrailBlocked, match="'a'"):
        await guards(tmp_path, a=check).watch(FACTS).asked(REQUEST, FACTS)
    assert await guards(tmp_path, a=Guardrail("secrets")).watch(FACTS).asked(REQUEST, FACTS) is REQUEST


@pytest.mark.parametrize("url", ["https://a.example/deep/b", "https://a.example", "https://a.example/x/"])
async def test_a_webhook_is_posted_to_where_it_is(tmp_path, url):
    client = Client()
    check = Guardrail("webhook", url=url, token=Secret(env="HOOK"), headers={"x-a": "b"})
    await guards(tmp_path, client, a=check).watch(FACTS).asked(REQUEST, FACTS)
    ((sent_to, headers, body, within),) = client.sent
    assert sent_to in {url, f"{url}/"}
    assert headers == {"content-type": "application/json", "x-a": "b", "authorization": "Bearer secret"}
    assert (json.loads(body)["requestBody"], within) == (REQUEST, 5)


async def test_what_fails_is_counted_and_logged_with_no_word_of_what_was_said(tmp_path):
    log, signals = Log(), Signals()
    made = guards(tmp_path, Client(error=UpstreamUnreachable("no")), log, signals, a=HOOK)
    with pytest.raises(GuardrailFailed):
        await made.watch(FACTS).asked(REQUEST, FACTS)
    assert b'torana_guardrail_total{guardrail="a",result="failed"} 1.0' in signals.render()
    (event,) = log.events
    assert (event["guardrail"], event["result"], event["reason"]) == ("a", "failed", "the webhook could not be reached")
    assert "first" not in log.getvalue()


def test_a_token_that_is_not_there(tmp_path):
    settings = settings_in(tmp_path, guardrails=Guardrails(checks={"a": HOOK, "b": Guardrail("secrets")}))
    check_tokens(settings, {"HOOK": "x"})
    with pytest.raises(SecretMissing, match="HOOK"):
        check_tokens(settings, {})
