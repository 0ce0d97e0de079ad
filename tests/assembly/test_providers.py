from dataclasses import replace
from typing import Any

import pytest

from tests.assembly.kit import ENVIRON, Log, settings_in
from tests.upstream.proxying import relay
from tests.upstream.wire import answering, upstream
from torana.assembly.lending import Connections, lent_by
from torana.assembly.providers import make_catalog, make_providers, offered
from torana.auth.build import KeyProblem
from torana.config.secrets import Secret
from torana.config.upstreams import Account, Model, Proxy, TargetRef
from torana.core.clock import FakeClock
from torana.core.errors import ModelNotFound, UpstreamAuth, UpstreamError, UpstreamUnreachable
from torana.core.exchange import Context, Plan, Target
from torana.families.images import GENERATE, VARY, ImageRequest
from torana.media.workers import Workers
from torana.providers.base import declarations
from torana.telemetry.signals import Signals
from torana.upstream.proxy import proxy_at


def lab(variable: str | None = None, *models: str) -> Account:
    key = None if variable is None else Secret(env=variable)
    return Account(type="openai-compatible", base_url="http://127.0.0.1:9/v1", api_key=key, models=models)


@pytest.fixture
def settings(tmp_path):
    return settings_in(
        tmp_path,
        providers={"studio": Account(type="local"), "lab": lab("LAB_KEY", "redux", "flux"), "lost": lab("NO_KEY", "x")},
        models={"vary": Model((TargetRef("lab/org/model"), TargetRef("studio/patchwork")))},
    )


def test_every_name_and_where_it_leads(settings):
    assert offered(settings) == (
        Plan("vary", (Target("lab", "org/model"), Target("studio", "patchwork"))),
        Plan("studio/patchwork", (Target("studio", "patchwork"),)),
        Plan("lab/redux", (Target("lab", "redux"),)),
        Plan("lab/flux", (Target("lab", "flux"),)),
        Plan("lost/x", (Target("lost", "x"),)),
        Plan("lab/org/model", (Target("lab", "org/model"),)),
    )


def test_the_catalog_is_closed(settings):
    catalog = make_catalog(settings, declarations())
    with pytest.raises(ModelNotFound):
        catalog.plan("lab/never-configured", VARY)


async def test_an_account_whose_key_is_lost_stops_no_other(settings):
    log, connections = Log(), Connections()
    lent = lent_by(settings, connections, Workers(count=1, queue=1, memory=1), clock=FakeClock(), signals=Signals())
    try:
        made = make_providers(settings, declarations(), lent, environ=ENVIRON, logger=log.logger)
        assert set(made) == {"studio", "lab", "lost"}
        (event,) = log.events
        assert (event["level"], event["event"], event["account"]) == ("warning", "no_credentials", "lost")
        assert "NO_KEY" in event["detail"]
        assert ENVIRON["LAB_KEY"] not in log.getvalue()
        with pytest.raises(UpstreamAuth):
            await made["lost"].operations[VARY](ImageRequest("x"), "x", Context("ada"))
    finally:
        await connections.close()


CREDENTIALS = "ada:a very secret one"
PROXIED = Secret(env="PROXY")


async def called(tmp_path, log: Log, base_url: str, proxy: Proxy, environ: dict[str, str]) -> None:
    """Asks an account behind a proxy for a picture."""
    account = Account(type="openai-compatible", base_url=base_url, proxy=proxy)
    settings = settings_in(tmp_path, providers={"lab": account})
    connections = Connections()
    lent = lent_by(settings, connections, Workers(count=1, queue=1, memory=1), clock=FakeClock(), signals=Signals())
    try:
        made = make_providers(settings, declarations(), lent, environ=environ, logger=log.logger)
        await made["lab"].operations[GENERATE](ImageRequest("x", prompt="a cat"), "x", Context("ada"))
    finally:
        await connections.close()


async def test_an_account_is_called_through_its_proxy_which_alone_is_told_its_credentials(tmp_path):
    log, seen = Log(), []

    async def script(wire) -> None:
        seen.append(await wire.request())
        await wire.say(b"HTTP/1.1 418 No\r\ncontent-length: 0\r\n\r\n")
        await wire.gone()

    authorization = proxy_at("http://proxy.example", CREDENTIALS.encode()).authorization
    async with relay(authorization=authorization) as between, upstream(script) as up:
        proxy = Proxy(between.proxy().url, PROXIED)
        with pytest.raises(UpstreamError):
            await called(tmp_path, log, up.origin.base_url, proxy, {"PROXY": CREDENTIALS})
        assert len(between.heads) == 1
    (request,) = seen
    assert "proxy-authorization" not in dict(request.headers)
    assert log.getvalue() == ""


@pytest.mark.parametrize("proxy", [None, Proxy("http://127.0.0.1:9")])
@pytest.mark.parametrize("http2", [False, True])
async def test_an_account_says_how_it_is_called(tmp_path, proxy, http2):
    told = []
    account = Account(type="openai-compatible", base_url="https://127.0.0.1:9/v1", proxy=proxy, http2=http2)
    settings = settings_in(tmp_path, providers={"lab": account})
    connections = Connections()
    lent = lent_by(settings, connections, Workers(count=1, queue=1, memory=1), clock=FakeClock(), signals=Signals())
    await connections.close()

    def connect(per_host: int, waiting: int = 1000, **more: Any) -> Any:
        told.append(more)

    make_providers(settings, declarations(), replace(lent, connect=connect), environ={}, logger=Log().logger)
    assert {(more.get("proxy") is not None, more.get("http2", False)) for more in told} == {(proxy is not None, http2)}


async def test_a_proxy_whose_credentials_are_lost_is_asked_without_them(tmp_path):
    log = Log()
    async with relay(authorization="Basic other") as between, upstream(answering()) as up:
        with pytest.raises(UpstreamUnreachable, match="status 407"):
            await called(tmp_path, log, up.origin.base_url, Proxy(between.proxy().url, PROXIED), {})
    (event,) = log.events
    assert (event["event"], event["account"]) == ("no_credentials", "lab")
    assert "PROXY" in event["detail"]


async def test_credentials_that_are_none_stop_the_gateway_and_are_not_shown(tmp_path):
    with pytest.raises(KeyProblem, match=r"providers\.lab: proxy\.credentials must be USER:PASSWORD") as caught:
        await called(
            tmp_path, Log(), "http://127.0.0.1:9/v1", Proxy("http://127.0.0.1:9", PROXIED), {"PROXY": "s3cret"}
        )
    assert "s3cret" not in str(caught.value)
