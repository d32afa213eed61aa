-- ARGV: most, slots an endpoint, lease ms. Answers ms until the next turn ('' when nothing waits), the endpoints of what
-- was taken (id, URL, sealed headers, sealed secret, the one before, until when that is good), the jobs that it tells of
-- (id, number of events, fields as JSON), then for each taken: id, lease, endpoint, the sealed webhook of its job or '', and its own fields.
local most, slots, leaseMs = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local ring = P .. 'hook-ring'
local taken, lanes, endpoints, jobs, isRead = {}, {}, {}, {}, {}
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

-- An endpoint as it is in this step.
local function laneOf(endpoint)
  local lane = lanes[endpoint]
  if not lane then
    local e = redis.call('HMGET', endpointKey(endpoint), 'enabled', 'rest', 'flight', 'strikes', 'own')
    lane = { enabled = e[1] == '1', rests = tonumber(e[2] or '0'), own = e[5] }
    lane.free = (tonumber(e[4] or '0') >= 3 and 1 or slots) - tonumber(e[3] or '0')
    lanes[endpoint] = lane
  end
  return lane
end

-- What is signed with, and where it goes: a job's own webhook has the tenant's secrets.
local function tell(endpoint, lane, tenant)
  if lane.isTold then return end
  lane.isTold = true
  local secrets = lane.own and P .. 'hook-secret:' .. tenant or endpointKey(endpoint)
  local to = redis.call('HMGET', endpointKey(endpoint), 'url', 'headers')
  endpoints[#endpoints + 1] = { endpoint, to[1], to[2],
    unpack(redis.call('HMGET', secrets, 'secret', 'old_secret', 'old_until')) }
end

-- A job as it is at this moment; several of those that are taken may tell of it. Most readers need its number of events
-- only, so the rest is one string.
local function readJob(subject)
  if isRead[subject] or string.sub(subject, 1, 4) ~= 'job_' then return end
  isRead[subject] = true
  local fields = redis.call('HGETALL', jobKey(subject))
  for i = 1, #fields, 2 do
    if fields[i] == 'events' then jobs[#jobs + 1] = { subject, fields[i + 1], cjson.encode(fields) } end
  end
end

-- Answers whether it was taken: what has nowhere to go any more is discarded.
local function take(endpoint, lane, id)
  local lease = redis.call('HINCRBY', deliveryKey(id), 'lease', 1)
  redis.call('ZREM', P .. 'hook-due:' .. endpoint, id)
  local d = redis.call('HMGET', deliveryKey(id), 'tenant', 'event', 'type', 'subject', 'data', 'tries', 'once')
  local tenant, subject = d[1], d[4]
  local own = lane.own and ownWebhook(subjectKey(subject), 'hook_to') or ''
  -- Its job was deleted, and with it where this was to go.
  if lane.own and own == '' then
    endDelivery(id, tenant, endpoint, subject, 'discarded')
    return false
  end
  redis.call('ZADD', P .. 'hook-lease', now + leaseMs, id)
  redis.call('HINCRBY', endpointKey(endpoint), 'flight', 1)
  lane.free = lane.free - 1
  tell(endpoint, lane, tenant)
  readJob(subject)
  taken[#taken + 1] = { id, lease, endpoint, own, unpack(d) }
  return true
end

-- A lane's next turn is behind all that are due; one that is full has none until a slot is free.
local function turn(endpoint)
  local lane = laneOf(endpoint)
  if not lane.enabled then return discard(endpoint) end
  if lane.rests > now then return redis.call('ZADD', ring, lane.rests, endpoint) end
  local first = redis.call('ZRANGE', P .. 'hook-due:' .. endpoint, 0, 1, 'WITHSCORES')
  local nextAt = first[2]
  if first[1] and lane.free > 0 and tonumber(first[2]) <= now then
    if take(endpoint, lane, first[1]) then
      nextAt = first[4]
    else
      -- Another one of its chain may have become due by that.
      nextAt = redis.call('ZRANGE', P .. 'hook-due:' .. endpoint, 0, 0, 'WITHSCORES')[2]
    end
  end
  if lane.free <= 0 or not nextAt then return redis.call('ZREM', ring, endpoint) end
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
return { soonest[2] and math.max(0, tonumber(soonest[2]) - now) or '', endpoints, jobs, unpack(taken) }
