"""Answers in a Valkey or a Redis, shared by all gateways that use it. Needs the extra ``torana[valkey]``.

Each step is one command. What is kept goes by itself when its time is over, or before it where the server is told to
make room (``maxmemory-policy``).
"""

from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import ConnectionError, RedisError  # noqa: A004 - redis has its own

from torana.storage.cache.port import AnswersUnavailable
from torana.storage.valkey import CONNECTIONS, open_client

_MILLISECONDS = 1000


class ValkeyAnswers:
    """Answers in the server at ``url``; ``prefix`` keeps them apart from whatever else it holds.

    No wait is bounded here: see ``Guarded``. ValueError for a URL of another kind.
    """

    def __init__(self, url: str, *, prefix: str = "torana", connections: int = CONNECTIONS) -> None:
        self._client = open_client(url, connections)
        self._send: Callable[..., Awaitable[Any]] = self._client.execute_command
        self._prefix = f"{prefix}:answer:"

    async def get(self, name: str) -> bytes | None:
        """What was kept under a name."""
        found: bytes | None = await self._ask("GET", self._prefix + name)
        return found

    async def put(self, name: str, data: bytes, ttl: float) -> None:
        """Keeps it."""
        await self._ask("SET", self._prefix + name, data, "PX", max(1, round(ttl * _MILLISECONDS)))

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _ask(self, *command: str | int | bytes) -> Any:  # noqa: ANN401, what it is depends on the command
        try:
            return await self._send(*command)
        except (RedisError, OSError) as error:
            if isinstance(error, ConnectionError):
                # A server that hung up on one has hung up on all, and each would fail a call to find out.
                await self._client.connection_pool.disconnect(inuse_connections=False)
            raise AnswersUnavailable(f"The store of answers failed: {error}") from error
