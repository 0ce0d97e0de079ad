import asyncio
import json
from datetime import datetime
from decimal import Decimal

import pytest

from tests.jobs.kit import MONTH, Silent
from torana.config.books import Alerts, Budget
from torana.config.units import Seconds
from torana.core.ledger import Charge, Spent
from torana.core.money import nanos
from torana.jobs.alerting import Alerting
from torana.storage.sql.alerts import AlertTable
from torana.telemetry.logs import Logger
from torana.upstream.posting import Poster

TEAM = Budget("team", Decimal(10))


class Webhook:
    """A server that answers with a status, and says nothing while it has none."""

    def __init__(self) -> None:
        self.url = ""
        self.status: int | None = 200
        self.told: list[dict[str, object]] = []

    async def serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        self.told.append(json.loads(await reader.readexactly(length)))
        if self.status is not None:
            writer.write(f"HTTP/1.1 {self.status} So\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        else:
            await reader.read()
        writer.close()


@pytest.fixture
async def webhook():
    webhook = Webhook()
    server = await asyncio.start_server(webhook.serve, "127.0.0.1", 0)
    webhook.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/secret"
    yield webhook
    server.close()


@pytest.fixture
async def made(sqlite, clock, webhook):
    """Alerting of an office; each call makes another office's."""
    poster = Poster()

    def make(*, timeout=5.0, retry_for=86_400.0, url=webhook.url):
        log = Silent()
        alerting = Alerting(
            AlertTable(sqlite),
            lambda: [TEAM],
            Alerts(timeout=Seconds(timeout), retry_for=Seconds(retry_for)),
            url,
            poster.post,
            clock,
            Logger("json", "info", clock=clock, stream=log),  # type: ignore[arg-type]  # enough of one
        )
        return alerting, log

    yield make
    await poster.close()


def spent(dollars: str) -> list[Spent]:
    return [Spent(MONTH, nanos(Decimal(dollars))), Spent(Charge("another", "", "2027-01"), 10**12)]


async def test_each_threshold_is_told_once_whichever_office_sees_it(made, webhook):
    (one, _), (two, _) = made(), made()
    one.watch(spent("7.499999999"))
    await one.deliver()
    assert webhook.told == []
    one.watch(spent("9.000000001"))
    two.watch(spent("9.000000001"))
    one.watch(spent("9.000000001"))
    await asyncio.gather(one.deliver(), two.deliver())
    assert sorted(each["threshold"] for each in webhook.told) == [0.75, 0.9]
    assert webhook.told[0] | {"threshold": 0, "at": 0} == {
        "type": "budget.threshold_reached",
        "budget": "team",
        "share": "",
        "period": "2027-01",
        "threshold": 0,
        "limit": "10",
        "spent": "9.000000001",
        "mode": "hard",
        "at": 0,
    }
    assert datetime.fromisoformat(webhook.told[0]["at"]).tzinfo is not None
    await one.deliver()
    assert len(webhook.told) == 2


@pytest.mark.parametrize("status", [500, 302, None])
async def test_a_webhook_that_fails_is_asked_again_later(made, webhook, clock, status):
    alerting, log = made(timeout=0.1)
    alerting.watch(spent("8"))
    webhook.status = status
    await alerting.deliver()
    await alerting.deliver()
    assert len(webhook.told) == 1
    clock.advance(5)
    webhook.status = 200
    await alerting.deliver()
    clock.advance(100)
    await alerting.deliver()
    assert len(webhook.told) == 2
    assert log.text.count("alert_failed") == 1
    assert "secret" not in log.text


async def test_it_is_given_up_in_the_end(made, webhook, clock):
    alerting, log = made(retry_for=60)
    alerting.watch(spent("8"))
    webhook.status = 500
    for _ in range(20):
        await alerting.deliver()
        clock.advance(40)
    assert 1 < len(webhook.told) < 5
    assert '"given_up":true' in log.text


async def test_old_ones_are_not_told_when_a_webhook_comes_to_be(made, webhook, clock):
    without, _ = made(url=None)
    without.watch(spent("8"))
    await without.deliver()
    clock.advance(90_000)
    alerting, log = made()
    await alerting.deliver()
    assert webhook.told == []
    assert "too old" in log.text


async def test_what_is_known_is_not_noted_again(made, monkeypatch):
    alerting, _ = made()
    alerting.watch(spent("8"))
    monkeypatch.setattr(AlertTable, "note", None)
    alerting.watch(spent("8.5"))
