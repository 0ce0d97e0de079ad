"""The official client asks for ``dall-e-2``, and gets pictures from whoever is up; from the engine when nobody is."""

import base64
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from openai import APIStatusError, APITimeoutError, BadRequestError, OpenAI
from openai.types import ImagesResponse
from PIL import Image

from tests.e2e.colours import numbers, painted
from tests.e2e.gateway import Gateway, serve, token, wait_until
from tests.e2e.market import TARGETS, Market, market
from tests.e2e.wire import fetch

# OpenAI retired its own endpoint, so its client calls the method deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

SIDE = 256
ENGINE = "studio/patchwork"
ACCOUNT = 'timeouts: {connect: 1s, first_byte: 10s, total: 20s}, poll: 20ms, download_hosts: ["127.0.0.1"]'


@pytest.fixture(scope="module")
def vendors() -> Iterator[Market]:
    with market() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, vendors: Market) -> Iterator[Gateway]:
    targets = "".join(f"      - {{target: {target}}}\n" for target in (*TARGETS.values(), ENGINE))
    config = f"""\
retries: {{attempts: 2, wait: 1ms, max_wait: 500ms}}
providers:
  studio: {{type: local}}
{vendors.accounts(ACCOUNT)}
models:
  dall-e-2:
    circuit: {{min_calls: 1000}}
    targets:
{targets}
  openai-alone: {{targets: [{{target: {TARGETS["openai"]}}}]}}
  gemini-of-tomorrow: {{targets: [{{target: gemini/gemini-of-tomorrow}}]}}
"""
    with serve(tmp_path_factory.mktemp("any-upstream"), config, vendors.environ) as running:
        yield running


@pytest.fixture
def client(gateway: Gateway, vendors: Market) -> Iterator[OpenAI]:
    vendors.open(*TARGETS)
    vendors.behave()
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=token(), max_retries=0) as opened:
        yield opened


def vary(client: OpenAI, number: int, model: str = "dall-e-2", response_format: str = "b64_json") -> Any:
    picture: Any = ("source.png", painted(number, number, (SIDE, SIDE)))
    return client.images.with_raw_response.create_variation(
        image=picture,
        model=model,
        n=2,
        size="256x256",
        response_format=response_format,  # type: ignore[arg-type]
    )


def pictures(reply: ImagesResponse) -> list[bytes]:
    return [fetch(item.url).body if item.url else base64.b64decode(item.b64_json or "") for item in reply.data or ()]


def check(reply: ImagesResponse, number: int) -> None:
    """Two pictures of the asked size, that were made from this source and differ from each other."""
    made = pictures(reply)
    assert len(made) == 2
    for picture in made:
        with Image.open(io.BytesIO(picture)) as image:
            assert image.size == (SIDE, SIDE)
    told = [numbers(picture) for picture in made]
    assert [upper for upper, _ in told] == [number, number]
    assert len({lower for _, lower in told} - {None}) == 2


def told(raw: Any) -> tuple[str, set[str], str]:
    """Who answered, what was emulated, what it cost."""
    headers = raw.headers
    emulated = headers.get("x-torana-emulated")
    return headers["x-torana-model"], set(emulated.split(", ") if emulated else ()), headers["x-torana-cost"]


@pytest.mark.parametrize(
    ("name", "emulated", "cost"),
    [
        ("gemini", {"prompt", "fan-out", "resize"}, "0.078"),
        ("recraft", {"resize"}, "0.04"),
        ("fal", set(), "0.0032768"),
        ("openai", {"prompt", "resize"}, "0.0629"),
        ("bfl", {"prompt", "fan-out"}, "0.09"),
    ],
)
@pytest.mark.parametrize("response_format", ["url", "b64_json"])
def test_whoever_is_up_answers(
    client: OpenAI, vendors: Market, name: str, emulated: set[str], cost: str, response_format: str
) -> None:
    vendors.open(name)
    raw = vary(client, 1001, response_format=response_format)
    check(raw.parse(), 1001)
    who, how, price = told(raw)
    assert (who, how) == (TARGETS[name], emulated | ({"url"} if response_format == "url" else set()))
    assert Decimal(price) == Decimal(cost)
    assert {entry.vendor for entry in vendors.entries(1001)} == {name}


def test_the_engine_answers_when_all_are_down(client: OpenAI, vendors: Market, gateway: Gateway) -> None:
    vendors.open()
    raw = vary(client, 1002)
    made = pictures(raw.parse())
    assert len(set(made)) == 2
    assert told(raw) == (ENGINE, set(), "0")
    assert vendors.entries(1002) == []
    failed = [[target, "upstream_unreachable"] for target in TARGETS.values()]
    assert last_request(gateway)["failed_attempts"] == failed


def last_request(gateway: Gateway) -> dict[str, Any]:
    """The log's line on the last call for pictures."""
    lines = [json.loads(line) for line in gateway.log.splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["event"] == "request" and line["path"] == "/v1/images/variations"]
    return dict(requests[-1])


@pytest.mark.parametrize("name", TARGETS)
def test_what_one_refuses_no_other_is_asked(client: OpenAI, vendors: Market, name: str) -> None:
    names = list(TARGETS)
    vendors.open(*names[names.index(name) :])
    vendors.behave(always={name: {"call": "moderated", "job": "moderated"}})
    with pytest.raises(BadRequestError) as refused:
        vary(client, 1003)
    assert refused.value.code == "moderation_blocked"
    entries = vendors.entries(1003)
    assert {entry.vendor for entry in entries} == {name}
    charged = any(entry.accepted for entry in entries)
    assert refused.value.response.headers.get("x-should-retry") == ("false" if charged else None)


def test_a_key_that_is_not_accepted_is_told_to_the_operator_alone(
    client: OpenAI, vendors: Market, gateway: Gateway
) -> None:
    vendors.open("gemini", "recraft")
    vendors.behave(always={"gemini": {"call": "unauthorized"}})
    raw = vary(client, 1004)
    check(raw.parse(), 1004)
    assert told(raw)[0] == TARGETS["recraft"]
    # The line is written once the reply has left.
    wait_until(lambda: last_request(gateway).get("failed_attempts") == [[TARGETS["gemini"], "upstream_auth"]])
    assert '"credentials_refused"' in gateway.log


@pytest.mark.parametrize(
    ("stage", "fault"),
    [("job", "job_failed"), ("job", "nonsense"), ("link", "expired"), ("link", "cut"), ("poll", "nonsense")],
)
def test_work_that_comes_to_nothing_is_done_by_the_next(
    client: OpenAI, vendors: Market, stage: str, fault: str
) -> None:
    vendors.open("fal", "openai")
    vendors.behave(always={"fal": {stage: fault}})
    raw = vary(client, 1005)
    check(raw.parse(), 1005)
    assert told(raw)[0] == TARGETS["openai"]
    assert [entry.vendor for entry in vendors.entries(1005)] == ["fal", "openai"]


def test_fewer_pictures_are_what_came(client: OpenAI, vendors: Market) -> None:
    vendors.open("recraft")
    vendors.behave(always={"recraft": {"call": "short"}})
    raw = vary(client, 1006)
    assert [numbers(picture)[0] for picture in pictures(raw.parse())] == [1006]
    assert raw.headers["x-torana-shortfall"] == "1"


@pytest.mark.parametrize(("fault", "spent"), [("cut", True), ("reset", True), ("broken", False)])
def test_what_may_have_cost_is_not_asked_for_again(client: OpenAI, vendors: Market, fault: str, spent: bool) -> None:
    vendors.behave(always={"openai": {"call": fault}})
    patient = client.with_options(max_retries=1)
    with pytest.raises(APIStatusError) as failed:
        vary(patient, 1007, model="openai-alone")
    assert failed.value.status_code == 502
    assert failed.value.response.headers.get("x-should-retry") == ("false" if spent else None)
    entries = vendors.entries(1007)
    assert [entry.accepted for entry in entries] == ([True] if spent else [False] * 4)


def test_what_nobody_waits_for_is_taken_back(client: OpenAI, vendors: Market) -> None:
    vendors.open("fal")
    vendors.behave(always={"fal": {"job": "never_ends"}})
    with pytest.raises(APITimeoutError):
        vary(client.with_options(timeout=1), 1009)
    wait_until(lambda: vendors.all_entries()[1009][0].cancelled)
    (entry,) = vendors.entries(1009)
    assert entry.vendor == "fal"


def test_a_price_that_nobody_knows_is_not_nothing(client: OpenAI) -> None:
    raw = vary(client, 1008, model="gemini-of-tomorrow")
    check(raw.parse(), 1008)
    assert told(raw)[2] == "unknown"


def test_no_vendor_was_sent_what_it_should_not(client: OpenAI, vendors: Market) -> None:
    assert vendors.state["wrong"] == []
