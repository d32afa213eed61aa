-- What calls and their answers teach of an account.
function quota.opening(a, crowded) return opening(a, crowded) end
function quota.accountOf(model, project, written) return accountOf(model, project, written) end

local function keep(a)
  redis.call('PEXPIRE', a.key, rememberMs)
  redis.call('PEXPIRE', a.calls, math.ceil(a.windowMs * 3))
end

-- While the limit is not known the pace doubles as often as it was used: a refusal comes quickly, so few calls are wasted.
local function quicken(a)
  local r = redis.call('HMGET', a.key, 'pace_at', 'paced')
  local paced = tonumber(r[2] or 0) + 1
  if now - tonumber(r[1] or 0) < a.windowMs / 60 then
    redis.call('HSET', a.key, 'paced', paced)
  else
    if paced > a.pace / 2 then a.pace = math.min(highestPace, a.pace * 2) end
    redis.call('HSET', a.key, 'pace', a.pace, 'pace_at', now, 'paced', 0)
  end
end

-- A park that ends by being tried lets one call through and is shut again until that one is answered.
local function parkMs(strikes) return math.min(longestParkMs, firstParkMs * 4 ^ (math.max(1, strikes) - 1)) end

function quota.make(a, call, at, dayEnds)
  redis.call('ZADD', a.calls, at, call)
  if not (a.limit or a.cap) then quicken(a) end
  if a.dayEnds <= now then
    redis.call('HSET', a.key, 'day_ends', string.format('%.0f', dayEnds), 'day_calls', 1)
  else
    redis.call('HINCRBY', a.key, 'day_calls', 1)
  end
  if a.strikes > 0 then redis.call('HSET', a.key, 'closed', now + parkMs(a.strikes + 1)) end
  keep(a)
end

-- A call that the upstream did not count.
function quota.unmake(a, call)
  if redis.call('ZREM', a.calls, call) == 1 then redis.call('HINCRBY', a.key, 'day_calls', -1) end
end

-- A call went later than it was taken for, such as after a long upload or over a new connection.
function quota.delay(a, call) redis.call('ZADD', a.calls, 'XX', now, call) end

-- Refused though the log has room for it: calls that left it just now were longer on their way than this one.
local function isTiming(a, at, limit)
  return redis.call('ZCOUNT', a.calls, '(' .. at - a.windowMs * 1.1, at) >= limit
end

-- What the upstream took since the call that leaves its window when it wants to be asked again. A window that slides
-- has room then, one that stands begins anew: either way that is its limit. Not believed beyond a half at once.
local function takenUntilRoom(a, limit, delayMs)
  local since = redis.call('ZCOUNT', a.calls, now + delayMs - a.windowMs, '+inf')
  return math.max(since, math.floor(limit / 2))
end

-- The limit that a refusal shows while the window was full as far as the log knows.
local function lowered(a, limit, delayMs)
  local less = limit - math.max(1, math.floor(limit * 0.03))
  if a.cap or not delayMs then return less end
  return math.min(less, takenUntilRoom(a, limit, delayMs))
end

-- The first refusal of several that were on their way together teaches: what was tried is taken back, or the limit is
-- what was taken in the window before it. The others only take away what was counted too much.
local function learn(a, at, delayMs)
  local limit = a.limit or a.cap
  local taken = math.max(1, redis.call('ZCOUNT', a.calls, '(' .. at - a.windowMs, at))
  local isFull = limit and (taken >= limit or isTiming(a, at, limit))
  if at <= tonumber(redis.call('HGET', a.key, 'taught') or 0) then return isFull and limit or taken end
  local wasTried = a.raisedFrom and now - a.raised < 2 * a.windowMs
  redis.call('HDEL', a.key, 'raised_from')
  redis.call('HSET', a.key, 'taught', now, 'raised', now, 'patience',
    wasTried and math.min(32, a.patience * 2) or a.patience)
  if not isFull then return taken end
  return math.max(1, wasTried and a.raisedFrom or lowered(a, limit, delayMs))
end

function quota.refuse(a, at, told, delayMs)
  local limit = a.limit or a.cap
  local learned = learn(a, at, delayMs)
  if told then
    redis.call('HSET', a.key, 'told', told, 'told_until', string.format('%.0f', now + 60 * a.windowMs))
    a.cap = math.min(told, a.cap or math.huge)
  end
  local lower = math.min(learned, limit or math.huge, a.cap or math.huge)
  if not a.cap or lower < a.cap then redis.call('HSET', a.key, 'limit', lower) end
  local oldest = oldestAt(a, 0)
  local pauseMs = delayMs or (oldest and oldest + a.span - now) or a.windowMs / 4
  local untilMs = now + math.min(math.max(pauseMs, 50), 3600000)
  if untilMs > a.closed then redis.call('HSET', a.key, 'closed', string.format('%.0f', untilMs), 'why', 'upstream_rpm') end
  keep(a)
end

-- Shuts an account until a time, or, with none, until it is tried again: after 5 seconds, then four times as long.
function quota.park(a, at, why, untilMs)
  if untilMs then
    redis.call('HSET', a.key, 'closed', string.format('%.0f', untilMs), 'why', why, 'strikes', 0)
  elseif at > tonumber(redis.call('HGET', a.key, 'taught') or 0) then
    local strikes = a.strikes + 1
    redis.call('HSET', a.key, 'strikes', strikes, 'closed', now + parkMs(strikes), 'why', why, 'taught', now)
  end
  keep(a)
end

function quota.free(a)
  redis.call('HDEL', a.key, 'closed', 'why', 'strikes')
  quota.wake(a.model)
end

