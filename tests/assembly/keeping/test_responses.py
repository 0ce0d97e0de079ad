import io

import pytest

from tests.families.language.responses.asking import request
from torana.assembly.keeping.responses import remembering
from torana.config.model import Responses, Server, Settings, Store
from torana.config.secrets import Secret, SecretMissing
from torana.config.units import Bytes, Seconds
from torana.core.clock import FakeClock
from torana.core.errors import WorkFailed
from torana.core.exchange import Reply, Target
from torana.families.language.asked import Spoken
from torana.pipeline.remembering import FORGETFUL
from torana.telemetry.logs import Logger

ENVIRON = {"KEY_ID": "AKIATEST", "KEY": "a secret that nobody may read"}
S3 = Store("s3://kept", endpoint="http://127.0.0.1:9", key_id=Secret(env="KEY_ID"), key=Secret(env="KEY"))
RESPONSE = b'{"id":"resp_1","output":[]}'


def settings(tmp_path, **kept) -> Settings:
    return Settings(server=Server(data_dir=str(tmp_path / "data")), responses=Responses(**kept))


async def test_by_default_responses_are_kept_in_the_data_directory(tmp_path):
    clock = FakeClock(1_800_000_000)
    kept = remembering(settings(tmp_path, ttl=Seconds(60)), {}, clock=clock)
    assert not (tmp_path / "data").exists()
    assert kept.sweep == 300
    await kept.memory.keeping(request(), "ada", Target("a", "m")).kept(Reply(Spoken(RESPONSE)))
    assert bytes((await kept.memory.get("resp_1", "ada")).response) == RESPONSE
    assert list((tmp_path / "data" / "responses").rglob("??/*"))
    clock.advance(61)
    assert kept.shelf is not None
    assert (await kept.shelf.sweep()).expired == 1


async def test_a_key_seals_them(tmp_path):
    keyed = settings(tmp_path, key=Secret(env="KEY"))
    kept = remembering(keyed, ENVIRON, clock=FakeClock(1_800_000_000))
    assert kept.shelf is not None
    await kept.shelf.put("1" * 64, b"x" * 100)
    plain = remembering(settings(tmp_path), {}, clock=FakeClock(1_800_000_000))
    assert plain.shelf is not None
    assert await plain.shelf.get("1" * 64) is None
    assert await kept.shelf.get("1" * 64) == b"x" * 100
    with pytest.raises(SecretMissing):
        remembering(keyed, {}, clock=FakeClock())


def test_none_are_kept_where_the_settings_say_so(tmp_path):
    kept = remembering(settings(tmp_path, keep=False), {}, clock=FakeClock())
    assert (kept.memory, kept.shelf, kept.sweep) == (FORGETFUL, None, 0)


async def test_a_bucket_is_used_where_the_settings_name_one(tmp_path):
    kept = remembering(settings(tmp_path, store=S3), ENVIRON, clock=FakeClock())
    assert kept.sweep == 300
    assert kept.shelf is not None
    with pytest.raises(WorkFailed):
        await kept.shelf.get("1" * 64)


def test_a_bucket_without_its_key_is_told_as_such(tmp_path):
    with pytest.raises(SecretMissing):
        remembering(settings(tmp_path, store=S3), {}, clock=FakeClock())
    with pytest.raises(SecretMissing, match="no key"):
        remembering(settings(tmp_path, store=Store("gs://b", key=Secret(env="KEY"))), ENVIRON, clock=FakeClock())


async def test_what_could_not_be_kept_is_logged(tmp_path):
    lines = io.StringIO()
    logger = Logger("json", "info", clock=FakeClock(), stream=lines)
    kept = remembering(settings(tmp_path, max_total=Bytes(10)), {}, clock=FakeClock(), logger=logger)
    await kept.memory.keeping(request(), "ada", Target("a", "m")).kept(Reply(Spoken(RESPONSE)))
    assert "response_not_kept" in lines.getvalue()
