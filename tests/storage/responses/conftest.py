"""Both stores of responses, under a clock that the test moves, and a real service for one of them."""

from datetime import UTC, datetime

import pytest

from tests.storage.objects.s3 import s3
from torana.core.clock import FakeClock
from torana.storage.responses.bucket import Bucket
from torana.storage.responses.directory import Directory

HOUR = 3600
MAX_TOTAL = 1000


@pytest.fixture(scope="session")
def service():
    with s3() as running:
        yield running


@pytest.fixture
def clock():
    # The bucket's service has a clock of its own.
    return FakeClock(datetime.now(UTC).timestamp())


@pytest.fixture
def directory(tmp_path, clock):
    return Directory(tmp_path / "responses", ttl=HOUR, max_total=MAX_TOTAL, clock=clock)


@pytest.fixture
def bucket(service, clock):
    return Bucket(service.place("torana/responses"), ttl=HOUR, timeout=10, clock=clock)


@pytest.fixture(params=["directory", "bucket"])
def shelf(request):
    return request.getfixturevalue(request.param)
