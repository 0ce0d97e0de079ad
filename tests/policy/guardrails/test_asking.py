import json

import pytest

from tests.policy.guardrails.kit import REQUEST, matter
from torana.config.guardrails import Guardrail
from torana.core.errors import UpstreamTimeout
from torana.policy.guardrails.asking import Moderation, Webhook
from torana.policy.guardrails.checks import NOTHING, CheckFailed, Finding


class Judge:
    def __init__(self, *results, error=None):
        self.results, self.error, self.asked = results, error, []

    async def __call__(self, body, about):
        self.asked.append(json.loads(body))
        if self.error is not None:
            raise self.error
        return json.dumps({"results": self.results}).encode()


class Hook:
    def __init__(self, answer=None, status=200, error=None):
        self.answer, self.status, self.error, self.posted = answer, status, error, []

    async def __call__(self, url, headers, body):
        self.posted.append((url, headers, json.loads(body)))
        if self.error is not None:
            raise self.error
        return self.status, self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()


FLAGGED = {"flagged": True, "categories": {"hate": True, "violence": False}, "category_scores": {"violence": 0.4}}
CALM = {"flagged": False, "categories": {"hate": False}, "category_scores": {"violence": None}}


def moderation(judge, most=1000, **settings):
    return Moderation(Guardrail("moderation", model="lab/judge", **settings), judge, most)


async def shown():
    return ["data:image/png;base64,AA"]


async def test_what_the_model_flags_is_a_finding():
    judge = Judge(CALM, FLAGGED)
    assert await moderation(judge).look(matter()) == Finding(found=True, why="It was found to be: hate.")
    assert judge.asked == [{"model": "lab/judge", "input": ["first", "last"]}]
    assert await moderation(Judge(CALM)).look(matter()) == NOTHING
    assert (await moderation(Judge({"flagged": True})).look(matter())).why == "It was found to be: harmful."


async def test_what_the_operator_lets_pass_is_his_to_say():
    assert await moderation(Judge(FLAGGED), thresholds={"violence": 0.5}).look(matter()) == NOTHING
    finding = await moderation(Judge(CALM, FLAGGED), thresholds={"violence": 0.4}).look(matter())
    assert finding.why == "It was found to be: violence."


async def test_nobody_is_asked_about_nothing_and_pictures_go_along():
    judge = Judge(CALM)
    assert await moderation(judge).look(matter(request={"messages": [{"content": " "}]})) == NOTHING
    assert judge.asked == []
    await moderation(judge, pictures=True).look(matter(pictures=shown))
    assert judge.asked[0]["input"] == [
        {"type": "text", "text": "first"},
        {"type": "text", "text": "last"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
    ]


@pytest.mark.parametrize(
    ("judge", "told"),
    [
        (Judge(error=UpstreamTimeout("late")), "failed: upstream_timeout"),
        (Judge(), "answered nothing"),
        (Judge({"flagged": "yes"}), "makes no sense"),
    ],
)
async def test_a_model_that_cannot_tell(judge, told):
    with pytest.raises(CheckFailed, match=told):
        await moderation(judge).look(matter())


async def test_more_than_a_check_takes_is_not_sent():
    judge, hook = Judge(CALM), Hook({"verdict": True})
    with pytest.raises(CheckFailed, match="more than 5"):
        await moderation(judge, most=5).look(matter())
    with pytest.raises(CheckFailed, match="more than 20"):
        await moderation(judge, most=20, pictures=True).look(matter(pictures=shown))
    with pytest.raises(CheckFailed, match="more than 50 bytes"):
        await webhook(hook, most=50).look(matter())
    assert (judge.asked, hook.posted) == ([], [])


def webhook(hook, most=10_000, **settings):
    return Webhook(Guardrail("webhook", url="https://a.example/b", **settings), hook, (("x-a", "b"),), most)


async def test_a_webhook_is_told_what_the_contract_says():
    hook = Hook({"verdict": True})
    check = webhook(hook, config={"level": 3})
    assert await check.look(matter()) == NOTHING
    assert await check.look(matter(answer={"choices": []})) == NOTHING
    (url, headers, asked), (_, _, answered) = hook.posted
    assert (url, headers) == ("https://a.example/b", (("x-a", "b"),))
    user = {"subjectId": "ada", "subjectType": "user", "subjectSlug": "user:ada"}
    context = {"user": user, "metadata": {"project": "web"}}
    assert asked == {"requestBody": REQUEST, "context": context, "config": {"level": 3}}
    assert answered == {**asked, "responseBody": {"choices": []}}


async def test_a_webhook_refuses_in_its_own_words_within_bounds():
    finding = await webhook(Hook({"verdict": False, "message": "No\n" + "x" * 999})).look(matter())
    assert (finding.found, finding.why) == (True, "No " + "x" * 297)
    assert await webhook(Hook({"verdict": False})).look(matter()) == Finding(found=True)


async def test_a_webhook_replaces_where_it_may():
    answer = {"verdict": True, "transformed": True, "result": {"messages": []}}
    assert await webhook(Hook(answer)).look(matter()) == NOTHING
    assert (await webhook(Hook(answer), operation="mutate").look(matter())).document == {"messages": []}
    same = {"verdict": True, "transformed": False, "result": None}
    assert await webhook(Hook(same), operation="mutate").look(matter()) == NOTHING


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        (Hook({"verdict": True}, status=500), "status 500"),
        (Hook({"verdict": True}, status=302), "status 302"),
        (Hook({}), "makes no sense"),
        (Hook(b"<html>"), "makes no sense"),
        (Hook({"verdict": "true"}), "makes no sense"),
        (Hook({"verdict": True, "transformed": True}), "not what"),
        (Hook(error=UpstreamTimeout("late")), "could not be reached"),
        (Hook(error=ConnectionError("no")), "could not be reached"),
    ],
)
async def test_a_webhook_that_fails(hook, told):
    with pytest.raises(CheckFailed, match=told):
        await webhook(hook, operation="mutate").look(matter())
