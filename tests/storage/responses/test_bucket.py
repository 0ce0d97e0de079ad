import pytest

from tests.storage.objects.s3 import nobody, place
from tests.storage.responses.conftest import HOUR
from torana.core.errors import WorkFailed
from torana.storage.objects.port import Place
from torana.storage.responses.bucket import Bucket

ONE = "1" * 64


async def test_a_bucket_that_does_not_answer_is_told_as_such(clock):
    with nobody() as url:
        shelf = Bucket(place(url), ttl=HOUR, timeout=2, clock=clock)
        for step in (shelf.put(ONE, b"x"), shelf.get(ONE), shelf.remove(ONE), shelf.sweep()):
            with pytest.raises(WorkFailed) as caught:
                await step
            assert caught.value.code == "storage_failed"


async def test_what_others_keep_in_the_bucket_stays(bucket, clock):
    await bucket._store.put_async("another", b"x")
    clock.advance(2 * HOUR)
    assert (await bucket.sweep()).expired == 0


def test_a_place_that_is_none_is_refused(clock):
    with pytest.raises(ValueError, match="cannot be used"):
        Bucket(Place("gs://b", key="no key"), ttl=HOUR, timeout=2, clock=clock)
