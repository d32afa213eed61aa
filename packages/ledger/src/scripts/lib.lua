-- Every script starts with these lines. KEYS[1] is the prefix with its hash tag, so all keys are in one slot;
-- time is Redis's own, so that no process's clock decides anything.
local P = KEYS[1] .. ':'
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

local attemptsKept = 40
local outboxLength = 20000
local mostSkipped = 100

local function jobKey(id) return P .. 'job:' .. id end
local function pendingKey(tenant, model) return P .. 'pend:' .. tenant .. ':' .. model end
local function isTerminal(status)
  return status == 'succeeded' or status == 'failed' or status == 'canceled' or status == 'expired'
end

-- The event's id is a UUIDv7 made of Redis's clock, the job and the number of its event: unique, and the same
-- in the job's own list and in the outbox.
local function eventOf(id, n)
  local hash = redis.sha1hex(id .. ':' .. n)
  return string.format('evt_%012x7%s8%s', now, string.sub(hash, 1, 3), string.sub(hash, 4, 18))
end

local function eventLine(event, kind, extra) return event .. '|' .. kind .. '|' .. now .. '|' .. (extra or '') end

local function publish(event, kind, id, tenant)
  redis.call('XADD', P .. 'outbox', 'MAXLEN', '~', outboxLength, '*',
    'event', event, 'type', kind, 'job', id, 'tenant', tenant, 'at', now)
end

local function emit(id, tenant, kind, extra)
  local n = redis.call('HINCRBY', jobKey(id), 'events', 1)
  local event = eventOf(id, n)
  redis.call('HSET', jobKey(id), 'e:' .. n, eventLine(event, kind, extra))
  publish(event, kind, id, tenant)
end

local function count(job, tenant, batch, field, by)
  redis.call('HINCRBY', P .. 'tenant:' .. tenant, field, by)
  redis.call('HINCRBY', P .. 'totals', field, by)
  if batch and batch ~= '' then redis.call('HINCRBY', P .. 'batch:' .. batch, field, by) end
end

-- The one place where a status changes: record, index and counters move together, so they always add up.
local function move(id, tenant, batch, from, to)
  redis.call('HSET', jobKey(id), 'status', to)
  redis.call('ZREM', P .. 'index:' .. tenant .. ':' .. from, id)
  redis.call('ZADD', P .. 'index:' .. tenant .. ':' .. to, 0, id)
  count(id, tenant, batch, from, -1)
  count(id, tenant, batch, to, 1)
end

-- A tenant that comes back starts where the fair clock stands, never behind it: idling earns no credit.
local function enqueue(id, tenant, model, rank)
  redis.call('ZADD', pendingKey(tenant, model), rank, id)
  -- Where others wait already, the lane and the turn are there.
  if redis.call('ZCARD', pendingKey(tenant, model)) > 1 then return end
  redis.call('SADD', P .. 'lanes:' .. tenant, model)
  if not redis.call('ZSCORE', P .. 'ring', tenant) then
    local finished = tonumber(redis.call('HGET', P .. 'tenant:' .. tenant, 'finish') or '0')
    local fair = tonumber(redis.call('GET', P .. 'fair-clock') or '0')
    redis.call('ZADD', P .. 'ring', math.max(finished, fair), tenant)
  end
end

local function unlease(id, tenant)
  if redis.call('ZREM', P .. 'lease', id) == 1 then
    redis.call('HINCRBY', P .. 'tenant:' .. tenant, 'leased', -1)
  end
end

local function unqueue(id, tenant, model)
  redis.call('ZREM', pendingKey(tenant, model), id)
  redis.call('ZREM', P .. 'later', id)
end

local function finish(id, tenant, model, batch, from, to, retentionMs, extra)
  unqueue(id, tenant, model)
  unlease(id, tenant)
  redis.call('ZREM', P .. 'deadlines', id)
  move(id, tenant, batch, from, to)
  redis.call('HSET', jobKey(id), 'completed', now, 'expires', now + retentionMs, 'cancel', '0')
  redis.call('ZADD', P .. 'retention', now + retentionMs, id)
  redis.call('HINCRBY', P .. 'totals', 'ended:' .. to, 1)
  emit(id, tenant, 'job.' .. to, extra)
end

local function closeAttempt(id, outcome, upstreamStatus, charged)
  local n = redis.call('HGET', jobKey(id), 'attempts')
  if not n or n == '0' then return end
  local field = 'a:' .. n
  local open = redis.call('HGET', jobKey(id), field)
  if not open then return end
  redis.call('HSET', jobKey(id), field, open .. '|' .. now .. '|' .. outcome .. '|' .. upstreamStatus .. '|' .. charged)
end

-- What a tenant used, whether the job is still there or not.
local function bill(tenant, day, model, key, calls, images, input, output, cost)
  if calls == 0 and images == 0 then return end
  local usage = P .. 'usage:' .. tenant .. ':' .. day
  local row = model .. '|' .. key .. '|'
  redis.call('HINCRBY', usage, row .. 'calls', calls)
  redis.call('HINCRBY', usage, row .. 'images', images)
  redis.call('HINCRBY', usage, row .. 'input', input)
  redis.call('HINCRBY', usage, row .. 'output', output)
  if cost ~= '' then redis.call('HINCRBY', usage, row .. 'cost', cost) end
  redis.call('PEXPIRE', usage, 34560000000)
end

local function spend(id, tenant, day, model, key, calls, images, input, output, cost)
  if calls == 0 and images == 0 then return end
  local job = jobKey(id)
  redis.call('HINCRBY', job, 'calls', calls)
  redis.call('HINCRBY', job, 'input', input)
  redis.call('HINCRBY', job, 'output', output)
  if cost == '' then
    redis.call('HSET', job, 'unpriced', '1')
  else
    redis.call('HINCRBY', job, 'cost', cost)
  end
  bill(tenant, day, model, key, calls, images, input, output, cost)
end

local function promote()
  local due = redis.call('ZRANGEBYSCORE', P .. 'later', '-inf', now, 'LIMIT', 0, 200)
  for _, id in ipairs(due) do
    redis.call('ZREM', P .. 'later', id)
    local job = redis.call('HMGET', jobKey(id), 'status', 'tenant', 'model', 'rank')
    if job[1] == 'queued' then enqueue(id, job[2], job[3], job[4]) end
  end
end

local function restsUntil(model)
  local known = redis.call('HGET', P .. 'rest', model)
  return known and tonumber(string.match(known, '^%d+')) or 0
end

-- A quota of a minute does not end the rest that a quota of a day has begun.
local function rest(model, untilMs, reason)
  if untilMs > restsUntil(model) then
    redis.call('HSET', P .. 'rest', model, string.format('%.0f|%s', untilMs, reason))
  end
end

local function resting(model, seen)
  if seen[model] == nil then
    local untilMs = restsUntil(model)
    if untilMs > 0 and untilMs <= now then redis.call('HDEL', P .. 'rest', model) end
    seen[model] = untilMs > now
  end
  return seen[model]
end

-- The best job of a tenant over its models that are not resting: highest priority first, then oldest.
local function best(tenant, seen)
  local id, rank, lane
  for _, model in ipairs(redis.call('SMEMBERS', P .. 'lanes:' .. tenant)) do
    local head = redis.call('ZRANGE', pendingKey(tenant, model), 0, 0, 'WITHSCORES')
    if not head[1] then
      redis.call('SREM', P .. 'lanes:' .. tenant, model)
    elseif not resting(model, seen) then
      local r = tonumber(head[2])
      if not id or r < rank or (r == rank and head[1] < id) then id, rank, lane = head[1], r, model end
    end
  end
  return id, lane
end

-- Gives a tenant's job out. Who could not go for a while starts where the fair clock stands: waiting for a
-- quota earns no credit, and the clock never goes back.
local function giveOut(id, tenant, lane, score, weight)
  local start = math.max(score, tonumber(redis.call('GET', P .. 'fair-clock') or '0'))
  local next = start + 1 / tonumber(weight or '1')
  redis.call('SET', P .. 'fair-clock', start)
  redis.call('ZADD', P .. 'ring', next, tenant)
  redis.call('HSET', P .. 'tenant:' .. tenant, 'finish', next)
  redis.call('ZREM', pendingKey(tenant, lane), id)
  redis.call('ZADD', P .. 'lease', now, id)
  redis.call('HINCRBY', P .. 'tenant:' .. tenant, 'leased', 1)
  return redis.call('HINCRBY', jobKey(id), 'turn', 1)
end

-- Start-time fair queueing over tenants: the one whose turn comes first gives its best job, and its next turn
-- is 1/weight later. At most `window` jobs are out, so whoever comes next waits behind few. Those that cannot
-- go are passed over; after `mostSkipped` of them the next dispatch looks on from there.
local function dispatch(most)
  promote()
  local window = tonumber(redis.call('GET', P .. 'window') or '32')
  local free = math.min(window - redis.call('ZCARD', P .. 'lease'), most)
  if free <= 0 then return {} end
  local ready, seen = {}, {}
  local skipped = tonumber(redis.call('GET', P .. 'passed-over') or '0')
  local last = skipped + mostSkipped
  local tenant
  while free > 0 and skipped < last do
    local turn = redis.call('ZRANGE', P .. 'ring', skipped, skipped, 'WITHSCORES')
    tenant = turn[1]
    if not tenant then break end
    local id, lane = best(tenant, seen)
    if id then
      local facts = redis.call('HMGET', P .. 'tenant:' .. tenant, 'weight', 'leased', 'parallel_jobs')
      if facts[3] and tonumber(facts[2] or '0') >= tonumber(facts[3]) then
        skipped = skipped + 1
      else
        ready[#ready + 1] = id
        ready[#ready + 1] = giveOut(id, tenant, lane, tonumber(turn[2]), facts[1])
        free = free - 1
      end
    elseif redis.call('SCARD', P .. 'lanes:' .. tenant) == 0 then
      redis.call('ZREM', P .. 'ring', tenant)
    else
      skipped = skipped + 1
    end
  end
  if tenant and skipped == last then
    redis.call('SET', P .. 'passed-over', skipped)
  else
    redis.call('DEL', P .. 'passed-over')
  end
  return ready
end
