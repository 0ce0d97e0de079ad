"""What a Valkey or a Redis does in one step, in its own language."""

from hashlib import sha1


class Script:
    """A script and the name under which a server that has seen it knows it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.name = sha1(text.encode(), usedforsecurity=False).hexdigest()


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

# A purse is a hash of what was spent, what is reserved, and what of that is whose. The server adds its numbers in 64
# bits; a script compares them as long as that is exact, and beyond it as text. A server that was restarted has another
# run id, and may have forgotten the last things that it was told. The last key of a step that reserves or settles is
# the sorted set of all who have something reserved, each with his purses, by when he was first let have it.
_PURSES = """
local function purse(key, holder)
  local spent, reserved, held = unpack(redis.call('HMGET', key, 'spent', 'reserved', 'by ' .. holder))
  return spent or '0', reserved or '0', held
end
local function run()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
end
local function is_open(marker)
  local opened = redis.call('GET', marker)
  return opened and opened == run()
end
local function expire(key, at)
  if at ~= '' then redis.call('EXPIREAT', key, at) end
end
local function reserve(key, holder, amount, ends)
  if redis.call('HSETNX', key, 'by ' .. holder, amount) == 1 then
    redis.call('HINCRBY', key, 'reserved', amount)
    expire(key, ends)
  end
end
local function entry(holder, first, last)
  return holder .. '\\n' .. table.concat(KEYS, '\\n', first, last)
end
local function note(at, holder, first, last)
  redis.call('ZADD', KEYS[#KEYS], 'NX', string.format('%d', at), entry(holder, first, last))
end
local function charge(key, holder, amount)
  local _, _, held = purse(key, holder)
  if not held then return 0 end
  redis.call('HINCRBY', key, 'spent', amount)
  redis.call('HINCRBY', key, 'reserved', string.format('%d', -held))
  redis.call('HDEL', key, 'by ' .. holder)
  if amount == '0' and redis.call('HLEN', key) == 2 and purse(key, holder) == '0' then redis.call('DEL', key) end
  return 1
end
"""

ADMIT = Script(f"""{_TIME}{_RATE}{_PLACES}{_PURSES}
local holder, takes, holds = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local marker = takes + holds + 1
if marker <= #KEYS then
  if not is_open(KEYS[marker]) then return {{-1}} end
end
local moments, fits = {{}}, true
for i = 1, takes do
  local limit, span, cost, costs = unpack(ARGV, 4 * i, 4 * i + 3)
  local whole, part = standing(KEYS[i], tonumber(limit), span)
  local rest = part + costs
  local after = whole + cost + math.floor(rest / limit)
  rest = rest % limit
  moments[i] = {{whole, part, after, rest}}
  fits = fits and not later(after, rest, now + span, 0)
end
local full = -1
for i = takes + 1, marker - 1 do
  local limit = tonumber(ARGV[2 * i + 2 * takes + 2])
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', string.format('%d', now))
  if full < 0 and redis.call('ZCARD', KEYS[i]) >= limit and not redis.call('ZSCORE', KEYS[i], holder) then
    full = i - 1
  end
end
local short, purses, first = -1, {{}}, takes - holds
for i = marker + 1, #KEYS - 1 do
  local amount, limit = unpack(ARGV, 3 * i + first - 2, 3 * i + first - 1)
  local spent, reserved, held = purse(KEYS[i], holder)
  purses[i] = {{spent, reserved, held and 1 or 0}}
  if short < 0 and not held and limit ~= '' and spent + reserved + amount > tonumber(limit) then short = i - 2 end
end
local granted = fits and full < 0 and short < 0
local answer = {{granted and 1 or 0, full, short, now}}
for i = 1, takes do
  local whole, part, after, rest = unpack(moments[i])
  if granted then
    keep(KEYS[i], after, rest)
    whole, part = after, rest
  end
  answer[#answer + 1], answer[#answer + 2] = whole, part
end
for i = takes + 1, granted and marker - 1 or 0 do
  lease(KEYS[i], holder, ARGV[2 * i + 2 * takes + 3])
end
for i = marker + 1, #KEYS - 1 do
  for _, each in ipairs(purses[i]) do answer[#answer + 1] = each end
  if granted and holder ~= '' then
    local amount, _, ends = unpack(ARGV, 3 * i + first - 2, 3 * i + first)
    reserve(KEYS[i], holder, amount, ends)
  end
end
if granted and holder ~= '' and marker < #KEYS then note(now, holder, marker + 1, #KEYS - 1) end
return answer
""")

SETTLE = Script(f"""{_TIME}{_RATE}{_PURSES}
local holder, settlements, holds = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
for i = 1, settlements do
  local limit, span, before, b, after, a, extra, e = unpack(ARGV, 8 * i - 4, 8 * i + 3)
  before, b = present(tonumber(before), b)
  after, a = present(tonumber(after), a)
  local whole, part = standing(KEYS[i], tonumber(limit), span)
  keep(KEYS[i], bounded(whole + extra - before + after, part + e - b + a, tonumber(limit), span))
end
for i = settlements + 1, settlements + holds do
  redis.call('ZREM', KEYS[i], holder)
end
local marker, known = settlements + holds + 1, 0
if marker > #KEYS or not is_open(KEYS[marker]) then return 0 end
for i = marker + 1, #KEYS - 1 do
  known = known + charge(KEYS[i], holder, ARGV[2 + 7 * settlements - holds + i])
end
redis.call('ZREM', KEYS[#KEYS], entry(holder, marker + 1, #KEYS - 1))
return known
""")

CHARGE = Script(f"""{_PURSES}
local known = 0
for i = 1, #KEYS - 1 do
  known = known + charge(KEYS[i], ARGV[1], ARGV[i + 1])
end
redis.call('ZREM', KEYS[#KEYS], entry(ARGV[1], 1, #KEYS - 1))
return known
""")

RENEW = Script(f"""{_TIME}{_PLACES}
for i = 1, #KEYS do
  lease(KEYS[i], ARGV[1], ARGV[i + 1])
end
return 0
""")

RUN = Script(f"""{_PURSES}
return run()
""")

RESERVE = Script(f"""{_TIME}{_PURSES}
local first = 1
for i = 1, #KEYS - 1 do
  local holder, amount, ends = unpack(ARGV, 3 * i - 2, 3 * i)
  reserve(KEYS[i], holder, amount, ends)
  if ARGV[3 * i + 1] ~= holder then
    note(now, holder, first, i)
    first = i + 1
  end
end
return 0
""")

STALE = Script(f"""{_TIME}
local before = string.format('%d', now - ARGV[1])
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', before, 'WITHSCORES', 'LIMIT', 0, ARGV[2])
""")

HELD = Script(f"""{_PURSES}
local holder, amounts, any = ARGV[1], {{}}, false
for i = 1, #KEYS - 1 do
  local _, _, held = purse(KEYS[i], holder)
  amounts[i], any = held or '', any or held
end
if not any then redis.call('ZREM', KEYS[#KEYS], entry(holder, 1, #KEYS - 1)) end
return amounts
""")

RAISE = Script(f"""{_PURSES}
for i = 1, #KEYS do
  local amount, ends = ARGV[2 * i - 1], ARGV[2 * i]
  local spent = redis.call('HGET', KEYS[i], 'spent') or '0'
  if #spent < #amount or (#spent == #amount and spent < amount) then
    redis.call('HSET', KEYS[i], 'spent', amount)
    expire(KEYS[i], ends)
  end
end
return 0
""")
