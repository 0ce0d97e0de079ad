"""Connections to a Valkey or a Redis. Needs the extra ``torana[valkey]``."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CONNECTIONS = 16
"""At most, for each process: the server does one step at a time anyway."""


def open_client(url: str, connections: int = CONNECTIONS) -> Redis:
    """A client of the server at ``url``: ``valkey://`` or ``redis://``, with an ``s`` for TLS, or ``unix://``.

    Connections are made when they are needed, no command is sent twice, and no wait is bounded: whoever asks bounds
    it. ValueError for a URL of another kind.
    """
    return Redis.from_pool(
        BlockingConnectionPool.from_url(
            url.replace("valkey", "redis", 1) if url.startswith("valkey") else url,
            max_connections=connections,
            timeout=None,
            # The client's own bound goes through asyncio.wait_for, which loses cancellations before Python 3.12.
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
        )
    )
