"""What every store of answers does."""

import pytest

from torana.core.clock import SystemClock
from torana.storage.cache.memory import MemoryAnswers
from torana.storage.cache.port import Answers
from torana.storage.cache.valkey import ValkeyAnswers


@pytest.fixture(params=["memory", "valkey"])
async def answers(request, server):
    if request.param == "memory":
        yield MemoryAnswers(SystemClock(), 1 << 20)
        return
    store = ValkeyAnswers(server.connection_url, prefix="port")
    yield store
    await store.close()


async def test_what_is_kept_is_found_by_its_name_alone(answers: Answers):
    await answers.put("a", b"\0one", 60)
    assert (await answers.get("a"), await answers.get("b")) == (b"\0one", None)
    await answers.put("a", b"two", 60)
    assert await answers.get("a") == b"two"
