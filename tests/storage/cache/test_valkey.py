import asyncio

import pytest

from torana.storage.cache.port import AnswersUnavailable
from torana.storage.cache.valkey import ValkeyAnswers


@pytest.fixture
async def answers(server):
    store = ValkeyAnswers(server.connection_url)
    await store._client.flushall()
    yield store
    await store.close()


async def test_it_goes_by_itself(answers):
    await answers.put("a", b"x", 0.05)
    assert await answers.get("a") == b"x"
    await asyncio.sleep(0.1)
    assert await answers.get("a") is None


async def test_names_are_its_own_and_a_step_is_one_command(answers):
    await answers._client.config_resetstat()
    await answers.put("a", b"x", 60)
    await answers.get("a")
    assert await answers._client.keys() == [b"torana:answer:a"]
    statistics = await answers._client.info("commandstats")
    assert (statistics["cmdstat_set"]["calls"], statistics["cmdstat_get"]["calls"]) == (1, 1)


async def test_a_server_that_is_not_there():
    answers = ValkeyAnswers("redis://127.0.0.1:1")
    with pytest.raises(AnswersUnavailable, match="failed"):
        await answers.get("a")
    await answers.close()


async def test_another_kind_of_value_is_no_answer(answers):
    await answers._client.rpush("torana:answer:a", "x")
    with pytest.raises(AnswersUnavailable):
        await answers.get("a")
