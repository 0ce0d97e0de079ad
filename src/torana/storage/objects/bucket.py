"""Made pictures in a bucket: S3 and what speaks it, Google's, Azure's. Needs the extra ``torana[objects]``.

Pictures are read in ranges, each a request of its own: a slow client holds no connection to the bucket, and no more
than a piece in memory. What the library says of an error holds addresses, the service's words and sometimes a
signature, so nothing of it is kept but its kind.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from torana.core.clock import Clock
from torana.core.errors import WorkFailed
from torana.storage.objects.names import new_name, read_name
from torana.storage.objects.port import Place, StoredObject, Swept

PIECE = 1024 * 1024
"""Bytes of one read; the first comes with the answer whether the picture is there."""
PAGE = 250
"""Names looked at, and removed, in one step: S3 removes 1000 with one request, Azure 256, Google one."""
TRUST_SECONDS = 30.0
"""For so long a writing that went well shows that another will."""
DOUBT_SECONDS = 5.0
"""For so long a trial that failed shows that another will."""

_RETRIES = 2


class Bucket:
    """Keeps pictures in a bucket, as many as it takes; each step is given up after ``timeout`` seconds.

    ValueError when the place and what the environment adds to it lead to no bucket.
    """

    def __init__(self, place: Place, *, timeout: float, clock: Clock) -> None:
        self._store = connect(place, timeout)
        self._timeout = timeout
        self._clock = clock
        self._trial = asyncio.Lock()
        self._takes = False
        self._known_until = 0.0

    async def put(self, data: bytes, *, extension: str, expires: float) -> str:
        """Keeps a picture until ``expires``, in seconds since the Unix epoch; gives its name, which nobody can guess.

        WorkFailed when nobody can say that it is kept. It may be all the same, and then it goes when it expires.
        """
        name = new_name(len(data), extension=extension, expires=expires)
        try:
            async with step(self._timeout):
                await self._store.put_async(name, data, use_multipart=False)
        except WorkFailed:
            self._known_until = 0.0
            raise
        self._takes, self._known_until = True, self._clock.ticks() + TRUST_SECONDS
        return name

    async def open(self, name: str) -> StoredObject | None:
        """The picture of that name; None when there is none, or its time is up."""
        told = read_name(name)
        if told is None or told.expires <= self._clock.now():
            return None
        async with step(self._timeout):
            try:
                found = await self._store.get_async(name, options={"range": (0, PIECE)})
            except FileNotFoundError:
                return None
            first = bytes(await found.bytes_async())
        if found.meta["size"] != told.size:
            return None
        return StoredObject(told.media_type, told.size, told.expires, partial(self._chunks, name, told.size, first))

    async def sweep(self) -> Swept:
        """Removes what expired, page by page, the oldest first; several may do so at once."""
        now = int(self._clock.now())
        expired = 0
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                old = [name for name in page if (told := read_name(name)) and told.expires <= now]
                await self._remove(old)
                expired += len(old)
                if page[-1] > f"{now}.":  # buckets list by name, and names begin with when they expire
                    break
        return Swept(expired=expired)

    async def writable(self) -> bool:
        """Whether the bucket takes a picture: by the last one it was given or, where that was long ago, by trial."""
        async with self._trial:
            if self._clock.ticks() >= self._known_until:
                self._takes = await self._try_out()
        return self._takes

    async def _try_out(self) -> bool:
        """Keeps a byte that has expired already, so that no link can open it and the next sweep removes it."""
        try:
            await self.put(b"\0", extension="png", expires=self._clock.now())
        except WorkFailed:
            self._known_until = self._clock.ticks() + DOUBT_SECONDS
            return False
        return True

    async def _pages(self) -> AsyncGenerator[list[str], None]:
        """The names of what is in the bucket."""
        pages = self._store.list(chunk_size=PAGE)
        while True:
            async with step(self._timeout):
                try:
                    page = await anext(pages)
                except StopAsyncIteration:
                    return
            yield [found["path"] for found in page]

    async def _remove(self, names: list[str]) -> None:
        if not names:
            return
        # What is not there another replica removes just now, and it will do so with the rest of the page as well.
        async with step(self._timeout):
            with suppress(FileNotFoundError):
                await self._store.delete_async(names)

    async def _chunks(self, name: str, size: int, first: bytes) -> AsyncGenerator[bytes, None]:
        yield first
        for start in range(PIECE, size, PIECE):
            async with step(self._timeout):
                piece = bytes(await self._store.get_range_async(name, start=start, length=PIECE))
            yield piece


@asynccontextmanager
async def step(timeout: float) -> AsyncIterator[None]:  # noqa: ASYNC109 - the bound is the bucket's, not the caller's
    """Bounds what is asked of a bucket, in seconds, and tells a caller nothing of what went wrong."""
    try:
        async with asyncio.timeout(timeout):
            yield
    except (BaseError, OSError) as error:
        raise WorkFailed(
            "The gateway's storage failed. Try again in a moment.",
            code="storage_failed",
            reason=type(error).__name__,
        ) from None


def connect(place: Place, timeout: float) -> S3Store | GCSStore | AzureStore:
    """The bucket; ValueError when the place and what the environment adds to it lead to none."""
    try:
        return _store(place, timeout)
    except BaseError as error:
        # The library may quote what it could not read, which may be a key.
        raise ValueError(f"{place.url} cannot be used: {type(error).__name__}") from None


def _store(place: Place, timeout: float) -> S3Store | GCSStore | AzureStore:
    url = urlsplit(place.url)
    longest = timedelta(seconds=timeout)
    common: dict[str, Any] = {
        "prefix": url.path.strip("/") or None,
        "client_options": {
            "allow_http": (place.endpoint or "").startswith("http://"),
            "connect_timeout": longest,
            "timeout": longest,
        },
        "retry_config": {"max_retries": _RETRIES, "retry_timeout": longest},
    }
    match url.scheme:
        case "s3":
            known = {
                "endpoint": place.endpoint if place.path_style else _with_bucket(place.endpoint, url.netloc),
                "region": place.region,
                "virtual_hosted_style_request": not place.path_style,
                "access_key_id": place.key_id,
                "secret_access_key": place.key,
            }
            return S3Store(url.netloc, **common, **_given(known))
        case "gs":
            known = {"base_url": place.endpoint, "service_account_key": place.key}
            return GCSStore(url.netloc, **common, **_given(known))
        case _:
            known = {"endpoint": place.endpoint, "account_name": place.account, "account_key": place.key}
            return AzureStore(url.netloc, **common, **_given(known))


def _given(known: Mapping[str, Any]) -> dict[str, Any]:
    """What is known; of the rest the library asks the environment."""
    return {name: value for name, value in known.items() if value is not None}


def _with_bucket(endpoint: str | None, bucket: str) -> str | None:
    return endpoint and endpoint.replace("://", f"://{bucket}.", 1)
