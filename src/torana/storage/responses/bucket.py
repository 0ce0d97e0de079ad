"""Responses in a bucket: S3 and what speaks it, Google's, Azure's. Needs the extra ``torana[objects]``.

What the library says of an error holds addresses, the service's words and sometimes a signature, so nothing of it is
kept but its kind.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any

from torana.core.clock import Clock
from torana.storage.objects.bucket import PAGE, connect, step
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
        async with step(self._timeout):
            await self._store.put_async(_checked(name), data, use_multipart=False)

    async def get(self, name: str) -> bytes | None:
        """The document of that name; None when there is none, or its time is up."""
        async with step(self._timeout):
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
            async with step(self._timeout):
                try:
                    page = await anext(pages)
                except StopAsyncIteration:
                    return
            yield list(page)

    async def _remove(self, names: list[str]) -> None:
        async with step(self._timeout):
            with suppress(FileNotFoundError):
                await self._store.delete_async(names)


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a response")
    return name
