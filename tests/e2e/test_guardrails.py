"""What callers see of guardrails, before and after, on texts, streams and pictures."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from anthropic import Anthropic
from anthropic import BadRequestError as AnthropicRefusal
from openai import BadRequestError, InternalServerError, OpenAI

from tests.e2e.gateway import PHOTO, Gateway, serve, token
from tests.e2e.parrot import Parrot, parrot

KEY = "AKIA" + "IOSFODNN7EXAMPLE"
CONFIG = """\
providers:
  lab: {{type: openai, base_url: "{url}", api_key: {{env: LAB_KEY}}, models: [parrot, judge]}}
  echo: {{type: echo}}
models:
  {models}
  draw: {{targets: [{{target: echo/echo}}]}}
guardrails:
  checks:
    secrets: {{kind: secrets}}
    redact: {{kind: secrets, operation: mutate, replacement: "[secret]"}}
    numbers: {{kind: regex, patterns: ['\\b\\d{{3}}-\\d{{2}}-\\d{{4}}\\b'], message: No such numbers here.}}
    counted: {{kind: regex, patterns: [parrot], strategy: audit}}
    judged: {{kind: moderation, model: lab/judge, thresholds: {{violence: 0.5}}}}
    hook:
      {{kind: webhook, url: "{hook}", token: {{env: HOOK}}, operation: mutate, config: {{level: 3}}, pictures: true}}
    lenient: {{kind: webhook, url: "{hook}", strategy: enforce_but_ignore_on_error}}
  rules:
    - {{name: no-secrets, before: [secrets, counted], when: {{models: [closed]}}}}
    - {{name: redacted, before: [redact], after: [redact], when: {{models: [redacted, resp]}}}}
    - {{name: numbers, after: [numbers], when: {{models: [held]}}}}
    - {{name: skipped, after: [numbers], streams: skip, when: {{models: [skipped]}}}}
    - {{name: judged, before: [judged], when: {{models: [judged]}}}}
    - {{name: hooked, before: [hook], after: [hook], when: {{models: [hooked, draw]}}}}
    - {{name: lenient, before: [lenient], when: {{models: [lenient]}}}}
"""
MODELS = ("closed", "redacted", "held", "skipped", "judged", "hooked", "lenient", "free")


@pytest.fixture(scope="module")
def upstream() -> Iterator[Parrot]:
    with parrot() as told:
        yield told


@pytest.fixture(autouse=True)
def well(upstream: Parrot) -> None:
    upstream.verdict, upstream.hook_status, upstream.says = {"verdict": True}, 200, None


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Parrot) -> Iterator[Gateway]:
    models = "\n  ".join(f"{name}: {{targets: [{{target: lab/parrot}}]}}" for name in MODELS)
    config = CONFIG.format(url=upstream.url, hook=upstream.hook, models=models)
    with serve(tmp_path_factory.mktemp("guardrails"), config, {"LAB_KEY": "key", "HOOK": "hook-token"}) as running:
        yield running


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=token(), max_retries=0, timeout=30) as opened:
        yield opened


def say(client: OpenAI, model: str, words: Any, **more: Any) -> Any:
    headers = more.pop("headers", {})
    return client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": words}], extra_headers=headers, **more
    )


def streamed(client: OpenAI, model: str, words: str) -> str:
    chunks = say(client, model, words, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_a_secret_does_not_leave_the_house(gateway: Gateway, client: OpenAI, upstream: Parrot) -> None:
    before = len(upstream.asked)
    with pytest.raises(BadRequestError) as refused:
        say(client, "closed", [{"type": "text", "text": f"my key is {KEY}"}])
    error: Any = refused.value
    assert (error.type, error.code, error.status_code) == ("guardrail_checks_failed", "guardrail_blocked", 400)
    body = json.loads(error.response.content)
    (told,) = body["guardrail_checks"]["llm_input_guardrails"]
    assert (told["guardrail_integration"], told["result"], told["data"]["verdict"]) == ("secrets", "failed", False)
    assert "AWS access key" in told["data"]["explanation"]
    assert error.response.headers["x-torana-rule"] == "secrets"
    assert KEY not in error.response.text
    assert KEY not in gateway.log
    assert len(upstream.asked) == before
    assert gateway.metric("torana_guardrail_total", guardrail="secrets", result="blocked") >= 1


def test_what_is_only_counted_changes_nothing(gateway: Gateway, client: OpenAI) -> None:
    assert say(client, "closed", "hello parrot").choices[0].message.content == "You said: hello parrot"
    assert gateway.metric("torana_guardrail_total", guardrail="counted", result="audited") >= 1


def test_a_secret_is_replaced_on_its_way_out_and_back(client: OpenAI, upstream: Parrot) -> None:
    said = say(client, "redacted", f"before {KEY} after").choices[0].message.content
    assert said == "You said: before [secret] after"
    assert KEY not in json.dumps(upstream.asked[-1])
    upstream.says = f"It is {KEY}."
    assert say(client, "redacted", "tell me").choices[0].message.content == "It is [secret]."
    assert streamed(client, "redacted", "tell me") == "It is [secret]."


def test_a_stream_is_held_until_it_is_checked_or_passes(client: OpenAI, upstream: Parrot) -> None:
    upstream.says = "It is 123-45-6789."
    with pytest.raises(BadRequestError, match="No such numbers here"):
        streamed(client, "held", "the number?")
    assert streamed(client, "skipped", "the number?") == upstream.says
    with pytest.raises(BadRequestError, match="'numbers' blocked this answer"):
        say(client, "skipped", "the number?")
    upstream.says = "There is none."
    raw = client.chat.completions.with_raw_response.create(
        model="held", messages=[{"role": "user", "content": "well?"}], stream=True
    )
    assert raw.headers["x-torana-emulated"] == "stream"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in raw.parse() if chunk.choices) == upstream.says


def test_a_caller_may_be_stricter_with_himself(client: OpenAI) -> None:
    more = {"x-torana-guardrails": '{"llm_input_guardrails": ["secrets"], "llm_output_guardrails": ["numbers"]}'}
    with pytest.raises(BadRequestError, match="'secrets'"):
        say(client, "free", KEY, headers=more)
    with pytest.raises(BadRequestError, match="'numbers'"):
        say(client, "free", "123-45-6789", headers=more)
    assert say(client, "free", KEY).choices[0].message.content == f"You said: {KEY}"
    with pytest.raises(BadRequestError, match="no guardrail of the name 'nope'"):
        say(client, "free", "x", headers={"x-torana-guardrails": '{"llm_input_guardrails": ["nope"]}'})
    none = {"x-torana-guardrails": '{"llm_input_guardrails": []}'}
    with pytest.raises(BadRequestError, match="'secrets'"):
        say(client, "closed", KEY, headers=none)


def test_one_of_our_own_models_judges(client: OpenAI, upstream: Parrot) -> None:
    assert say(client, "judged", "good").choices[0].message.content == "You said: good"
    assert upstream.calls("/v1/moderations")[-1] == {"model": "judge", "input": ["good"]}
    with pytest.raises(BadRequestError, match=r"'judged' blocked this request\. It was found to be: violence"):
        say(client, "judged", "something bad")


def test_a_webhook_sees_both_sides_and_rewrites_them(client: OpenAI, upstream: Parrot) -> None:
    result = {"messages": [{"role": "user", "content": "else"}], "choices": []}
    upstream.verdict = {"verdict": True, "transformed": True, "result": result}
    assert say(client, "hooked", "this").choices == []
    before, after = upstream.calls("/hook")[-2:]
    assert before["requestBody"]["messages"][0]["content"] == "this"
    assert (before["config"], "responseBody" in before) == ({"level": 3}, False)
    assert before["context"]["user"] == {"subjectId": "ada", "subjectType": "user", "subjectSlug": "user:ada"}
    assert upstream.calls()[-1]["messages"][0]["content"] == "else"
    assert after["responseBody"]["choices"][0]["message"]["content"] == "You said: else"


def test_a_webhook_refuses_or_fails(gateway: Gateway, client: OpenAI, upstream: Parrot) -> None:
    upstream.verdict = {"verdict": False, "message": "Not on a Sunday."}
    with pytest.raises(BadRequestError, match=r"Not on a Sunday\."):
        say(client, "hooked", "this")
    upstream.hook_status = 500
    with pytest.raises(InternalServerError) as failed:
        say(client, "hooked", "this")
    assert (failed.value.status_code, failed.value.code) == (503, "guardrail_unavailable")
    assert say(client, "lenient", "this").choices[0].message.content == "You said: this"
    assert gateway.metric("torana_guardrail_total", guardrail="lenient", result="failed") >= 1


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_uploaded_pictures_are_shown_to_a_webhook(client: OpenAI, upstream: Parrot) -> None:
    upstream.verdict = {"verdict": False, "message": "No coffee."}
    with pytest.raises(BadRequestError, match=r"No coffee\."):
        client.images.create_variation(image=PHOTO.read_bytes(), model="draw")
    (shown,) = upstream.calls("/hook")[-1]["pictures"]
    assert shown.startswith("data:image/jpeg;base64,")


def test_other_clients_are_refused_in_their_own_words(gateway: Gateway) -> None:
    with (
        Anthropic(base_url=gateway.url, api_key=token(), max_retries=0, timeout=30) as anthropic,
        pytest.raises(AnthropicRefusal, match="'secrets' blocked this request"),
    ):
        anthropic.messages.create(
            model="closed", max_tokens=16, system=f"The key is {KEY}.", messages=[{"role": "user", "content": "hi"}]
        )
