import pytest

from tests.assembly.kit import ENVIRON, Log, settings_in
from torana.assembly.lending import Connections, lent_by
from torana.assembly.providers import make_catalog, make_providers, offered
from torana.config.secrets import Secret
from torana.config.upstreams import Account, Model, TargetRef
from torana.core.clock import FakeClock
from torana.core.errors import ModelNotFound, UpstreamAuth
from torana.core.exchange import Context, Plan, Target
from torana.families.images import VARY, ImageRequest
from torana.media.workers import Workers
from torana.providers.base import declarations
from torana.telemetry.signals import Signals


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
