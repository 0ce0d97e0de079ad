import asyncio
import subprocess
import sys

import pytest

from tests.assembly.kit import Log, settings_in
from tests.upstream.proxying import relay
from tests.upstream.wire import OK, answering, upstream
from torana.assembly.lending import Connections, lent_by, make_workers
from torana.config.model import Server, Uploads
from torana.config.model import Workers as WorkerSettings
from torana.config.units import Seconds
from torana.core.clock import FakeClock
from torana.core.errors import Overloaded
from torana.core.exchange import Message
from torana.media.workers import Incident
from torana.providers.base import declarations
from torana.telemetry.signals import Signals
from torana.upstream.client import Timeouts

TIMEOUTS = Timeouts(5, 5, 5)


async def test_connections_are_kept_until_all_are_closed():
    connections = Connections()
    client = connections.connect(1)
    async with upstream(answering(OK)) as up:
        async with client.send(Message("GET", "/", ()), up.origin, timeouts=TIMEOUTS, max_reply=10) as reply:
            assert await reply.read() == b"hi"
        assert await connections.downloader.fetch_document(f"http://{up.host}/") == b"hi"
        await connections.close()
        for wire in up.wires:
            await wire.gone()
        assert up.connections == 2


async def test_who_has_a_proxy_is_called_through_it_until_all_are_closed():
    connections = Connections()
    async with relay() as between, upstream(answering(OK)) as up:
        client = connections.connect(1, proxy=between.proxy())
        async with client.send(Message("GET", "/", ()), up.origin, timeouts=TIMEOUTS, max_reply=10) as reply:
            assert await reply.read() == b"hi"
        assert len(between.heads) == 1
        await connections.close()
        await asyncio.wait_for(asyncio.wait(up.tasks), 5)


def test_what_proxies_need_is_loaded_where_there_is_one():
    program = (
        "import asyncio, sys\n"
        "from torana.assembly.lending import Connections\n"
        "from torana.upstream.proxy import Proxy\n"
        "async def connect():\n"
        "    connections = Connections()\n"
        "    connections.connect(1)\n"
        "    print('aiohttp' in sys.modules)\n"
        "    connections.connect(1, proxy=Proxy('http://127.0.0.1:9'))\n"
        "    print('aiohttp' in sys.modules)\n"
        "    await connections.close()\n"
        "asyncio.run(connect())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_what_http2_needs_is_loaded_where_it_is_asked_for():
    program = (
        "import asyncio, sys\n"
        "from torana.assembly.lending import Connections\n"
        "async def connect():\n"
        "    connections = Connections()\n"
        "    connections.connect(1)\n"
        "    print('h2' in sys.modules)\n"
        "    connections.connect(1, http2=True)\n"
        "    print('h2' in sys.modules, 'aiohttp' in sys.modules)\n"
        "    await connections.close()\n"
        "asyncio.run(connect())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False"]


@pytest.mark.parametrize("behind", [False, True], ids=["straight", "through a proxy"])
async def test_no_more_calls_wait_than_may(behind):
    connections = Connections()
    async with relay() as between:
        await hold(connections, connections.connect(1, waiting=0, proxy=between.proxy() if behind else None))


async def hold(connections, client):
    async with upstream(answering(OK)) as up:
        message = Message("GET", "/", ())
        async with client.send(message, up.origin, timeouts=TIMEOUTS, max_reply=10):
            with pytest.raises(Overloaded):
                await client.send(message, up.origin, timeouts=TIMEOUTS, max_reply=10).__aenter__()
        await connections.close()


@pytest.mark.parametrize(
    ("count", "processes", "share"), [(4, 1, 4), (4, 2, 2), (4, 3, 1), (1, 8, 1), (7, 2, 4), (3, 2, 2)]
)
def test_each_process_has_its_share_of_the_workers(tmp_path, count, processes, share):
    settings = settings_in(tmp_path, server=Server(processes=processes), workers=WorkerSettings(count=count))
    assert make_workers(settings, (), Log().logger, Signals())._count == share


def test_as_many_as_there_are_processors(tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    assert make_workers(settings_in(tmp_path), (), Log().logger, Signals())._count == 6


@pytest.mark.parametrize(("queue", "places"), [(5, 5), (2, 2), (1, 2)])
def test_the_queue_counts_those_that_are_made_too(tmp_path, queue, places):
    workers = make_workers(
        settings_in(tmp_path, workers=WorkerSettings(count=2, queue=queue)), (), Log().logger, Signals()
    )
    with workers.reserve(places), pytest.raises(Overloaded), workers.reserve(1):
        pass


def test_workers_warm_up_for_the_providers_that_are_used(tmp_path):
    declared = declarations()
    settings, log = settings_in(tmp_path), Log()
    warm = make_workers(settings, [declared["echo"], declared["local"]], log.logger, Signals())
    cold = make_workers(settings, [declared["echo"]], log.logger, Signals())
    assert (warm._warm, cold._warm) == (declared["local"].warm, None)


def test_a_worker_that_dies_is_counted_and_told_of(tmp_path):
    log, signals = Log(), Signals()
    workers = make_workers(settings_in(tmp_path), (), log.logger, signals)
    workers._on_incident(Incident("lost", "it ended, with exit status -9"))
    (event,) = log.events
    assert (event["event"], event["kind"], event["why"]) == ("worker_replaced", "lost", "it ended, with exit status -9")
    assert b"\ntorana_worker_deaths_total 1.0\n" in signals.render()


async def test_what_a_provider_may_use_is_what_the_settings_say(tmp_path):
    settings = settings_in(
        tmp_path,
        uploads=Uploads(max_pixels=123),
        workers=WorkerSettings(deadline=Seconds(4), memory=WorkerSettings().memory),
    )
    connections, clock = Connections(), FakeClock()
    workers = make_workers(settings, (), Log().logger, Signals())
    lent = lent_by(settings, connections, workers, clock=clock, signals=Signals())
    await connections.close()
    assert (lent.max_pixels, lent.work_deadline) == (123, 4)
    assert (lent.workers, lent.clock, lent.downloads) == (workers, clock, connections.downloader)
