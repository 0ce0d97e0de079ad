"""Both stores of pictures, under a clock that the test moves, and a real service for one of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.storage.objects.s3 import s3
from torana.core.clock import FakeClock
from torana.storage.objects.bucket import Bucket
from torana.storage.objects.directory import Directory
from torana.storage.objects.port import Objects, Place

HOUR = 3600
MAX_TOTAL = 10**8


class Stage:
    """The stores of several gateways that keep their pictures in one place."""

    def __init__(self, clock: FakeClock, open_store: Callable[[], Objects]) -> None:
        self.clock = clock
        self.objects, self.another = open_store(), open_store()

    async def put(self, size: int = 1, *, ttl: float = HOUR) -> str:
        return await self.objects.put(bytes(size), extension="png", expires=self.clock.now() + ttl)

    async def names(self) -> list[str]:
        """What is there."""
        raise NotImplementedError

    async def remove(self, name: str) -> None:
        raise NotImplementedError

    async def plant(self, name: str, data: bytes) -> None:
        raise NotImplementedError


class DirectoryStage(Stage):
    def __init__(self, clock: FakeClock, path: Path) -> None:
        super().__init__(clock, lambda: Directory(path, max_total=MAX_TOTAL, clock=clock))
        self.path = path

    async def names(self) -> list[str]:
        return sorted(path.name for path in self.path.iterdir() if path.name != ".lock")

    async def remove(self, name: str) -> None:
        (self.path / name).unlink()

    async def plant(self, name: str, data: bytes) -> None:
        self.path.mkdir(exist_ok=True)
        (self.path / name).write_bytes(data)


class BucketStage(Stage):
    def __init__(self, clock: FakeClock, place: Place) -> None:
        super().__init__(clock, lambda: Bucket(place, timeout=10, clock=clock))
        self.store = Bucket(place, timeout=10, clock=clock)._store

    async def names(self) -> list[str]:
        return [found["path"] for found in await self.store.list().collect_async()]

    async def remove(self, name: str) -> None:
        await self.store.delete_async(name)

    async def plant(self, name: str, data: bytes) -> None:
        await self.store.put_async(name, data)


@pytest.fixture(scope="session")
def service():
    with s3() as running:
        yield running


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def directory_stage(clock, tmp_path):
    return DirectoryStage(clock, tmp_path / "pictures")


@pytest.fixture
async def bucket_stage(clock, service):
    return BucketStage(clock, service.place())


@pytest.fixture(params=["directory", "bucket"])
def stage(request):
    return request.getfixturevalue(f"{request.param}_stage")
