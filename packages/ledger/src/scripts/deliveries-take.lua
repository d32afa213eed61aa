-- ARGV: most, slots an endpoint, lease ms. Answers ms until the next turn ('' when nothing waits), then for each taken:
-- id, lease, its fields, the endpoint's fields, the sealed webhook of its job or '', the tenant's own secrets.
local most, slots, leaseMs = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local ring = P .. 'hook-ring'
local taken = {}
local looks = 0
local hasSwept = false

-- What an endpoint that is disabled or gone still has waiting: a part of it in each step, which then ends soon. What is
-- with a worker comes back to be discarded, or ends.
local function discard(endpoint)
  if hasSwept then return end
  hasSwept = true
  local due = P .. 'hook-due:' .. endpoint
  for _, id in ipairs(redis.call('ZRANGE', due, 0, 99)) do
    local d = redis.call('HMGET', deliveryKey(id), 'tenant', 'subject')
    endDelivery(id, d[1], endpoint, d[2], 'discarded')
  end
  if redis.call('ZCARD', due) > 0 then
    redis.call('ZADD', ring, now, endpoint)
  else
    redis.call('ZREM', ring, endpoint)
  end
end

local function subjectKey(subject)
  if string.sub(subject, 1, 4) == 'job_' then return jobKey(subject) end
  return P .. 'batch:' .. subject
end

-- Answers whether it was taken: what has nowhere to go any more is discarded.
local function take(endpoint, id)
  local lease = redis.call('HINCRBY', deliveryKey(id), 'lease', 1)
  redis.call('ZREM', P .. 'hook-due:' .. endpoint, id)
  local d = redis.call('HMGET', deliveryKey(id), 'tenant', 'subject')
  local own, secrets = '', {}
  if redis.call('HGET', endpointKey(endpoint), 'own') then
    own = ownWebhook(subjectKey(d[2]), 'hook_to')
    -- Its job was deleted, and with it where this was to go.
    if not own then
      endDelivery(id, d[1], endpoint, d[2], 'discarded')
      return false
    end
    secrets = redis.call('HGETALL', P .. 'hook-secret:' .. d[1])
  end
  redis.call('ZADD', P .. 'hook-lease', now + leaseMs, id)
  redis.call('HINCRBY', endpointKey(endpoint), 'flight', 1)
  taken[#taken + 1] = { id, lease, redis.call('HGETALL', deliveryKey(id)), redis.call('HGETALL', endpointKey(endpoint)),
    own, secrets }
  return true
end

-- A lane's next turn is behind all that are due; one that is full has none until a slot is free.
local function turn(endpoint)
  local e = redis.call('HMGET', endpointKey(endpoint), 'enabled', 'rest', 'flight', 'strikes')
  if e[1] ~= '1' then return discard(endpoint) end
  local rests = tonumber(e[2] or '0')
  if rests > now then return redis.call('ZADD', ring, rests, endpoint) end
  local free = (tonumber(e[4] or '0') >= 3 and 1 or slots) - tonumber(e[3] or '0')
  local first = redis.call('ZRANGE', P .. 'hook-due:' .. endpoint, 0, 1, 'WITHSCORES')
  local nextAt = first[2]
  if first[1] and free > 0 and tonumber(first[2]) <= now then
    if take(endpoint, first[1]) then
      free, nextAt = free - 1, first[4]
    else
      -- Another one of its chain may have become due by that.
      nextAt = redis.call('ZRANGE', P .. 'hook-due:' .. endpoint, 0, 0, 'WITHSCORES')[2]
    end
  end
  if free <= 0 or not nextAt then return redis.call('ZREM', ring, endpoint) end
  redis.call('ZADD', ring, math.max(now, tonumber(nextAt)), endpoint)
end

local round = redis.call('ZRANGEBYSCORE', ring, '-inf', now, 'LIMIT', 0, most)
while #round > 0 and #taken < most and looks < 10 * most and not hasSwept do
  for _, endpoint in ipairs(round) do
    looks = looks + 1
    if #taken < most then turn(endpoint) end
  end
  round = redis.call('ZRANGEBYSCORE', ring, '-inf', now, 'LIMIT', 0, most)
end
local soonest = redis.call('ZRANGE', ring, 0, 0, 'WITHSCORES')
return { soonest[2] and math.max(0, tonumber(soonest[2]) - now) or '', unpack(taken) }
