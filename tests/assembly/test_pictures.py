import asyncio
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.storage.objects.s3 import silence
from torana.assembly.pictures import keeping
from torana.config.model import Pictures, Server, Settings, Store
from torana.config.secrets import Secret, SecretMissing
from torana.config.units import Bytes, Seconds
from torana.core.clock import FakeClock
from torana.core.errors import WorkFailed
from torana.storage.objects.bucket import Bucket
from torana.storage.objects.directory import Directory

KEYS = {"KEY_ID": "AKIATEST", "KEY": "a secret that nobody may read"}
S3 = Store("s3://pictures", endpoint="http://127.0.0.1:9", key_id=Secret(env="KEY_ID"), key=Secret(env="KEY"))


def kept_in(store: Store | None) -> Settings:
    return Settings(pictures=Pictures(store=store))


async def test_by_default_pictures_are_kept_in_the_data_directory(tmp_path):
    server = Server(data_dir=str(tmp_path / "data"))
    kept = keeping(Settings(server=server, pictures=Pictures(max_total=Bytes(100))), {}, clock=FakeClock())
    assert isinstance(kept.objects, Directory)
    assert not (tmp_path / "data").exists()
    name = await kept.objects.put(b"x", extension="png", expires=1_900_000_000)
    assert (tmp_path / "data" / "pictures" / name).read_bytes() == b"x"
    with pytest.raises(WorkFailed, match="101 bytes"):
        await kept.objects.put(bytes(101), extension="png", expires=1_900_000_000)
    assert kept.sweep == 30


@pytest.mark.parametrize(
    "store", [S3, Store("gs://pictures"), Store("az://pictures", account="mine"), Store("s3://pictures/some/prefix")]
)
async def test_a_bucket_is_used_where_the_settings_name_one(store):
    kept = keeping(kept_in(store), KEYS, clock=FakeClock())
    assert isinstance(kept.objects, Bucket)
    assert kept.sweep == 300


async def test_the_settings_reach_the_bucket():
    store = Store("s3://pictures/a", endpoint="http://127.0.0.1:9", region="eu-north-1", key_id=S3.key_id, key=S3.key)
    kept = keeping(kept_in(store), KEYS, clock=FakeClock())
    assert isinstance(kept.objects, Bucket)
    config: Mapping[str, object] = kept.objects._store.config
    assert (config["region"], config["endpoint"]) == ("eu-north-1", "http://127.0.0.1:9")
    assert (config["access_key_id"], config["secret_access_key"]) == (KEYS["KEY_ID"], KEYS["KEY"])


async def test_what_the_settings_bound_is_bounded():
    with silence() as address:
        store = Store("s3://pictures", endpoint=address, key_id=S3.key_id, key=S3.key, timeout=Seconds(0.05))
        kept = keeping(kept_in(store), KEYS, clock=FakeClock())
        async with asyncio.timeout(5):
            with pytest.raises(WorkFailed) as caught:
                await kept.objects.put(b"x", extension="png", expires=1_900_000_000)
    assert caught.value.reason == "TimeoutError"


def test_a_bucket_may_be_swept_by_its_own_rules():
    store = Store("s3://pictures", key_id=S3.key_id, key=S3.key, sweep=Seconds(0))
    assert keeping(kept_in(store), KEYS, clock=FakeClock()).sweep == 0


def test_a_key_that_is_not_there_is_told_of():
    with pytest.raises(SecretMissing, match="environment variable KEY is not set"):
        keeping(kept_in(S3), {"KEY_ID": "AKIATEST"}, clock=FakeClock())


@pytest.mark.parametrize(
    "store",
    [Store("gs://pictures", key=Secret(env="KEY")), Store("az://pictures", account="mine", key=Secret(env="KEY"))],
)
def test_a_key_that_is_none_is_told_of_without_it(store):
    wanted = f"environment variable KEY holds no key that {store.url} can be used with"
    with pytest.raises(SecretMissing, match=f"^{wanted}$") as caught:
        keeping(kept_in(store), KEYS, clock=FakeClock())
    assert caught.value.__cause__ is None


LEAN = """
import sys
from torana.assembly.pictures import keeping
from torana.config.model import Settings
from torana.core.clock import SystemClock

keeping(Settings(), {}, clock=SystemClock())
assert "obstore" not in sys.modules
"""


def test_the_library_is_loaded_only_where_a_bucket_is_named():
    subprocess.run([sys.executable, "-c", LEAN], check=True, timeout=30)
