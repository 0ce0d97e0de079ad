import asyncio
import re

import pytest
from obstore.store import LocalStore

from tests.storage.objects.s3 import KEY, KEY_ID, nobody, place, silence
from torana.core.clock import FakeClock, SystemClock
from torana.core.errors import WorkFailed
from torana.storage.objects import bucket as module
from torana.storage.objects.bucket import DOUBT_SECONDS, PIECE, TRUST_SECONDS, Bucket, _store
from torana.storage.objects.port import Place, StoredObject, Swept

HOUR = 3600
NAME = f"1800003600-1-{'0' * 32}.png"


def asked(service) -> list[str]:
    """What was asked since the last look: methods, and paths below the bucket's prefix."""
    told = [re.sub(r"/bucket-\d+/?(torana/pictures/)?", "/", line) for line in service.asked]
    service.asked.clear()
    return told


async def test_a_small_picture_is_one_request_in_and_one_out(bucket_stage, service):
    name = await bucket_stage.put(PIECE)
    stored = await bucket_stage.objects.open(name)
    assert len(b"".join([chunk async for chunk in stored.chunks()])) == PIECE
    assert asked(service) == [f"PUT /{name}", f"GET /{name}"]


async def test_names_that_nobody_gave_out_and_expired_ones_ask_for_nothing(bucket_stage, service):
    assert await bucket_stage.objects.open("../secret") is None
    bucket_stage.clock.advance(2 * HOUR)
    assert await bucket_stage.objects.open(NAME) is None
    assert asked(service) == []


async def test_no_more_is_fetched_of_a_large_picture_than_its_reader_took(bucket_stage, service):
    name = await bucket_stage.put(5 * PIECE)
    stored = await bucket_stage.objects.open(name)
    service.asked.clear()
    fetched = []
    async for chunk in stored.chunks():
        assert len(chunk) == PIECE
        fetched.append(len(service.asked))
    assert fetched == [0, 1, 2, 3, 4]


async def test_a_sweep_looks_no_further_than_what_may_have_expired(bucket_stage, service, monkeypatch):
    monkeypatch.setattr(module, "PAGE", 4)
    for ttl in (*range(10), *range(100, 120)):
        await bucket_stage.put(ttl=ttl)
    bucket_stage.clock.advance(50)
    service.asked.clear()
    assert await bucket_stage.objects.sweep() == Swept(expired=10)
    removals = [line for line in asked(service) if line.startswith("POST")]
    assert len(removals) == 3
    assert len(await bucket_stage.names()) == 20


async def test_what_another_replica_removed_just_now_is_no_failure(clock, tmp_path):
    store = Bucket(place("http://127.0.0.1:9"), timeout=10, clock=clock)
    store._store = LocalStore(tmp_path)  # type: ignore[assignment]  # it minds, as Google's and Azure's do
    with pytest.raises(FileNotFoundError):
        await store._store.delete_async([NAME])
    await store._remove([NAME])


async def test_no_probe_writes_while_pictures_are_kept(bucket_stage, service):
    await bucket_stage.put()
    service.asked.clear()
    for _ in range(3):
        bucket_stage.clock.advance(TRUST_SECONDS / 4)
        assert await bucket_stage.objects.writable()
    assert asked(service) == []


async def test_probes_share_a_trial_and_trust_it_for_a_while(bucket_stage, service):
    assert all(await asyncio.gather(*(bucket_stage.objects.writable() for _ in range(20))))
    (trial,) = asked(service)
    assert trial.startswith("PUT /1800000000-1-")
    bucket_stage.clock.advance(TRUST_SECONDS)
    assert await bucket_stage.objects.writable()
    assert len(asked(service)) == 1
    assert await bucket_stage.objects.sweep() == Swept(expired=2)


async def test_what_cannot_be_written_is_doubted_for_a_shorter_while(clock, service):
    store = Bucket(place(service.url, "s3://there-is-none"), timeout=10, clock=clock)
    service.asked.clear()
    assert not any(await asyncio.gather(*(store.writable() for _ in range(5))))
    assert len(service.asked) == 1
    clock.advance(DOUBT_SECONDS)
    assert not await store.writable()
    assert len(service.asked) == 2


async def test_a_picture_that_could_not_be_kept_has_the_next_probe_try(clock, service):
    here = service.place()
    store = Bucket(here, timeout=10, clock=clock)
    assert await store.writable()
    good, store._store = store._store, _store(place(service.url, "s3://there-is-none"), 10)
    with pytest.raises(WorkFailed):
        await store.put(b"x", extension="png", expires=clock.now() + 1)
    assert not await store.writable()
    store._store = good
    clock.advance(DOUBT_SECONDS)
    assert await store.writable()


async def steps(store: Bucket) -> list[WorkFailed]:
    """How everything fails that can be asked of a bucket."""
    stored = StoredObject("image/png", 2 * PIECE, 1_800_003_600, lambda: store._chunks(NAME, 2 * PIECE, b"x"))

    async def read() -> None:
        async for _ in stored.chunks():
            pass

    failed = []
    for step in (store.put(b"x", extension="png", expires=1_900_000_000), store.open(NAME), store.sweep(), read()):
        with pytest.raises(WorkFailed) as caught:
            await step
        failed.append(caught.value)
    return failed


@pytest.mark.parametrize(("gone", "reason"), [(nobody, "GenericError"), (silence, "TimeoutError")])
async def test_a_service_that_is_gone_or_hangs_is_given_up_in_time(gone, reason):
    with gone() as address:
        store = Bucket(place(address), timeout=0.2, clock=FakeClock())
        async with asyncio.timeout(10):
            failed = await steps(store)
            assert not await store.writable()
    assert {error.code for error in failed} == {"storage_failed"}
    assert {error.reason for error in failed} <= {reason, "TimeoutError"}
    for error in failed:
        assert error.__cause__ is None
        assert error.__suppress_context__
        assert not any(told in f"{error!r} {error.reason}" for told in (KEY, KEY_ID, address, "127.0.0.1"))


async def test_a_caller_who_leaves_stops_the_waiting():
    with silence() as address:
        store = Bucket(place(address), timeout=60, clock=SystemClock())
        task = asyncio.create_task(store.put(b"x", extension="png", expires=1_900_000_000))
        await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(5):
            with pytest.raises(asyncio.CancelledError):
                await task


@pytest.mark.parametrize(
    ("wanted", "options"),
    [
        (
            Place("s3://pictures/a/b/", endpoint="http://h:1", region="eu-north-1", key_id="I", key="K"),
            {
                "endpoint": "http://h:1",
                "region": "eu-north-1",
                "virtual_hosted_style_request": "false",
                "access_key_id": "I",
                "secret_access_key": "K",
                "bucket": "pictures",
            },
        ),
        (
            Place("s3://pictures/a/b", endpoint="https://h.example", path_style=False),
            {
                "endpoint": "https://pictures.h.example",
                "virtual_hosted_style_request": "true",
                "bucket": "pictures",
            },
        ),
        (Place("gs://pictures/a/b", endpoint="http://h:1"), {"base_url": "http://h:1", "bucket": "pictures"}),
        (
            Place("az://pictures/a/b", endpoint="http://h:1", account="mine", key="aGk="),
            {"endpoint": "http://h:1", "account_name": "mine", "account_key": "aGk=", "container_name": "pictures"},
        ),
    ],
)
def test_where_a_bucket_is(wanted, options):
    store = _store(wanted, 3)
    assert store.prefix == "a/b"
    config = {name.removeprefix("aws_").removeprefix("azure_"): str(value) for name, value in store.config.items()}
    assert options == {name: config.get(name) for name in options}, store.config


@pytest.mark.parametrize(
    "wrong", [Place("gs://pictures", key="{no JSON"), Place("az://pictures", account="mine", key="no base64!")]
)
def test_a_key_that_is_none_is_told_without_it(wrong):
    with pytest.raises(ValueError, match=f"{wrong.url} cannot be used: GenericError") as caught:
        Bucket(wrong, timeout=1, clock=FakeClock())
    assert caught.value.__cause__ is None
    assert wrong.key not in str(caught.value)
