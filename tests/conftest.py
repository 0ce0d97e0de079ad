import pytest_asyncio

from torana.config.upstreams import Prompts
from torana.core.clock import FakeClock
from torana.media.workers import Workers
from torana.providers.base import Lent
from torana.upstream.download import Downloader
from torana.upstream.http1.client import HttpClient
from torana.upstream.http1.pool import Limits
from torana.upstream.proxy import Proxy


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def workers():
    """One worker, with the engine at hand, for all tests of these rooms."""
    crew = Workers(count=1, queue=32, memory=1536 << 20, warm="torana.providers.local.work:warm")
    await crew.start()
    yield crew
    await crew.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def lent(workers):
    """What the house lends, with real connections and that one worker."""
    clients: list[HttpClient] = []

    def connect(per_host: int, waiting: int = 1000, *, proxy: Proxy | None = None, http2: bool = False) -> HttpClient:
        assert proxy is None
        assert not http2
        clients.append(HttpClient(per_host=per_host, limits=Limits(waiting=waiting)))
        return clients[-1]

    downloader = Downloader()
    yield Lent(
        connect,
        lambda client: client,
        downloader,
        workers,
        work_deadline=60.0,
        max_pixels=1_000_000,
        prompts=Prompts(),
        mark=False,
        credentials=None,
        clock=FakeClock(1_800_000_000.9),
    )
    await downloader.close()
    for client in clients:
        await client.close()
