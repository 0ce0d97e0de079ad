"""Responses in a bucket: S3 and what speaks it, Google's, Azure's. Needs the extra ``torana[objects]``.

What the library says of an error holds addresses, the service's words and sometimes a signature, so nothing of it is
kept but its kind.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

from obstore.exceptions import BaseError

from torana.core.clock import Clock
from torana.core.errors import WorkFailed
from torana.storage.objects.bucket import PAGE, connect
from torana.storage.objects.port import Place, Swept
from torana.storage.responses.port import NAME


class Bucket:
    """Keeps responses for ``ttl`` seconds, as many as it takes; each step is given up after ``timeout`` seconds.

    ValueError when the place and what the environment adds to it lead to no bucket.
    """

    def __init__(self, place: Place, *, ttl: float, timeout: float, clock: Clock) -> None:
        self._store = connect(place, timeout)
        self._ttl = ttl
        self._timeout = timeout
        self._clock = clock

    async def put(self, name: str, data: bytes) -> None:
        """Keeps a document, in place of what was under that name."""
        async with self._step():
            await self._store.put_async(_checked(name), data, use_multipart=False)

    async def get(self, name: str) -> bytes | None:
        """The document of that name; None when there is none, or its time is up."""
        async with self._step():
            with suppress(FileNotFoundError):
                found = await self._store.get_async(_checked(name))
                return None if self._expired(found.meta) else bytes(await found.bytes_async())
        return None

    async def remove(self, name: str) -> None:
        """Forgets a document; nothing when there is none."""
        await self._remove([_checked(name)])

    async def sweep(self) -> Swept:
        """Removes what expired, page by page; several may do so at once."""
        expired = 0
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                old = [found["path"] for found in page if self._expired(found) and NAME.fullmatch(found["path"])]
                if old:
                    await self._remove(old)
                expired += len(old)
        return Swept(expired=expired)

    def _expired(self, found: Mapping[str, Any]) -> bool:
        kept_at: float = found["last_modified"].timestamp()
        return kept_at + self._ttl <= self._clock.now()

    async def _pages(self) -> AsyncGenerator[list[Mapping[str, Any]], None]:
        pages = self._store.list(chunk_size=PAGE)
        while True:
            async with self._step():
                try:
                    page = await anext(pages)
                except StopAsyncIteration:
                    return
            yield list(page)

    async def _remove(self, names: list[str]) -> None:
        async with self._step():
            with suppress(FileNotFoundError):
                await self._store.delete_async(names)

    @asynccontextmanager
    async def _step(self) -> AsyncIterator[None]:
        """Bounds what is asked of the bucket, and tells a caller nothing of what went wrong."""
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except (BaseError, OSError) as error:
            raise WorkFailed(
                "The gateway's storage failed. Try again in a moment.",
                code="storage_failed",
                reason=type(error).__name__,
            ) from None


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a response")
    return name
