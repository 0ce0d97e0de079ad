"""Counters in a Valkey or a Redis, shared by all gateways that use it. Needs the extra ``torana[valkey]``.

Each step is one script, so it is atomic, costs one round trip, and runs on the server's clock: gateways whose own
clocks differ agree. All keys carry the prefix as their hash tag and thereby live on one node of a cluster, for a step
must not span nodes. Counters expire by themselves when they are whole again, and places when their leases end.
"""

from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha1
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from torana.storage.counters import gcra
from torana.storage.counters.port import CountersUnavailable, Hold, Settlement, Take, Verdict

CONNECTIONS = 16
"""At most, for each process: the server does one step at a time anyway."""

# A rate is kept as "W P": whole again W microseconds after the epoch, and P parts of a microsecond of which it has as
# many as the limit has units. Two numbers, because a script's number holds 53 bits. A hold's places are a sorted set.
_TIME = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
"""
_RATE = """
local function later(whole, part, than, parts)
  return whole > than or (whole == than and part > parts)
end
local function present(whole, part)
  if whole < now then return now, 0 end
  return whole, part
end
local function bounded(whole, part, limit, span)
  whole, part = present(whole + math.floor(part / limit), part % limit)
  if later(whole, part, now + span, 0) then return now + span, 0 end
  return whole, part
end
local function standing(key, limit, span)
  local whole, part = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
  return bounded(tonumber(whole or 0), math.min(tonumber(part or 0), limit - 1), limit, span)
end
local function keep(key, whole, part)
  if later(whole, part, now, 0) then
    redis.call('SET', key, string.format('%d %d', whole, part), 'PX', math.floor((whole - now) / 1000) + 1)
  else
    redis.call('DEL', key)
  end
end
"""
_PLACES = """
local function lease(key, holder, span)
  local milliseconds = math.ceil(span / 1000)
  redis.call('ZADD', key, string.format('%d', now + span), holder)
  if redis.call('PTTL', key) < milliseconds then redis.call('PEXPIRE', key, milliseconds) end
end
"""

_ADMIT = f"""{_TIME}{_RATE}{_PLACES}
local holder, takes = ARGV[1], tonumber(ARGV[2])
local moments, fits = {{}}, true
for i = 1, takes do
  local limit, span, cost, costs = unpack(ARGV, 4 * i - 1, 4 * i + 2)
  local whole, part = standing(KEYS[i], tonumber(limit), span)
  local rest = part + costs
  local after = whole + cost + math.floor(rest / limit)
  rest = rest % limit
  moments[i] = {{whole, part, after, rest}}
  fits = fits and not later(after, rest, now + span, 0)
end
local full = -1
for i = takes + 1, #KEYS do
  local limit = tonumber(ARGV[2 * i + 2 * takes + 1])
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', string.format('%d', now))
  if full < 0 and redis.call('ZCARD', KEYS[i]) >= limit and not redis.call('ZSCORE', KEYS[i], holder) then
    full = i - takes - 1
  end
end
local granted = fits and full < 0
local answer = {{granted and 1 or 0, full, now}}
for i = 1, takes do
  local whole, part, after, rest = unpack(moments[i])
  if granted then
    keep(KEYS[i], after, rest)
    whole, part = after, rest
  end
  answer[2 * i + 2], answer[2 * i + 3] = whole, part
end
for i = takes + 1, granted and #KEYS or 0 do
  lease(KEYS[i], holder, ARGV[2 * i + 2 * takes + 2])
end
return answer
"""

_SETTLE = f"""{_TIME}{_RATE}
local holder, settlements = ARGV[1], tonumber(ARGV[2])
for i = 1, settlements do
  local limit, span, before, b, after, a, extra, e = unpack(ARGV, 8 * i - 5, 8 * i + 2)
  before, b = present(tonumber(before), b)
  after, a = present(tonumber(after), a)
  local whole, part = standing(KEYS[i], tonumber(limit), span)
  keep(KEYS[i], bounded(whole + extra - before + after, part + e - b + a, tonumber(limit), span))
end
for i = settlements + 1, #KEYS do
  redis.call('ZREM', KEYS[i], holder)
end
return 0
"""

_RENEW = f"""{_TIME}{_PLACES}
for i = 1, #KEYS do
  lease(KEYS[i], ARGV[1], ARGV[i + 1])
end
return 0
"""


class _Script:
    """A script and the name under which a server that has seen it knows it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.name = sha1(text.encode(), usedforsecurity=False).hexdigest()


class ValkeyCounters:
    """Counters in the server at ``url``: ``valkey://`` or ``redis://``, with an ``s`` for TLS, or ``unix://``.

    ``prefix`` keeps them apart from whatever else the server holds. Connections are made when they are needed, and a
    command is never sent twice: had its answer been lost, it would be counted twice. No wait is bounded here: see
    ``Guarded``. ValueError for a URL of another kind.
    """

    def __init__(self, url: str, *, prefix: str = "torana", connections: int = CONNECTIONS) -> None:
        self._client = Redis.from_pool(
            BlockingConnectionPool.from_url(
                url.replace("valkey", "redis", 1) if url.startswith("valkey") else url,
                max_connections=connections,
                timeout=None,
                # The client's own bound goes through asyncio.wait_for, which loses cancellations before Python 3.12.
                socket_timeout=None,
                socket_connect_timeout=None,
                retry=Retry(NoBackoff(), 0),
            )
        )
        self._send: Callable[..., Awaitable[Any]] = self._client.execute_command
        self._prefix = prefix
        self._admit, self._settle, self._renew = _Script(_ADMIT), _Script(_SETTLE), _Script(_RENEW)

    async def admit(self, takes: Sequence[Take], holds: Sequence[Hold] = (), *, holder: str = "") -> Verdict:
        """Takes all of it or nothing."""
        arguments: list[str | int] = [holder, len(takes)]
        for take in takes:
            rate = take.rate
            arguments += (rate.limit, rate.span, *divmod(take.amount * rate.span, rate.limit))
        for hold in holds:
            arguments += (hold.limit, hold.span)
        granted, full, now, *moments = await self._run(self._admit, self._keys(takes, holds), arguments)
        whole_at = [
            whole * take.rate.limit + part for take, whole, part in zip(takes, moments[::2], moments[1::2], strict=True)
        ]
        if granted:
            return gcra.granted(takes, whole_at, now)
        return gcra.refused(takes, whole_at, now, full if full >= 0 else None)

    async def settle(self, settlements: Sequence[Settlement], holds: Sequence[Hold] = (), *, holder: str = "") -> None:
        """Sets right, once, what was estimated when it was taken, and frees the places of ``holder``."""
        arguments: list[str | int] = [holder, len(settlements)]
        for settlement in settlements:
            rate = settlement.level.take.rate
            arguments += (rate.limit, rate.span)
            for moment in gcra.corrected(settlement):
                arguments += divmod(moment, rate.limit)
        await self._run(self._settle, self._keys([each.level.take for each in settlements], holds), arguments)

    async def renew(self, holds: Sequence[Hold], *, holder: str) -> None:
        """Lets the leases of ``holder`` begin anew."""
        await self._run(self._renew, self._keys((), holds), [holder, *(hold.span for hold in holds)])

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    def _keys(self, takes: Sequence[Take], holds: Sequence[Hold]) -> list[str]:
        rates = [f"{{{self._prefix}}}:rate:{take.key}" for take in takes]
        return rates + [f"{{{self._prefix}}}:hold:{hold.key}" for hold in holds]

    async def _run(self, script: _Script, keys: list[str], arguments: list[str | int]) -> list[int]:
        """What the script comes to; it goes along whole only where the server does not know its name."""
        command = (len(keys), *keys, *arguments)
        try:
            try:
                answer: list[int] = await self._send("EVALSHA", script.name, *command)
            except NoScriptError:
                answer = await self._send("EVAL", script.text, *command)
        except (RedisError, OSError) as error:
            raise CountersUnavailable(f"The store of counters failed: {error}") from error
        return answer
