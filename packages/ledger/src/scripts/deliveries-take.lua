-- ARGV: most, slots an endpoint, lease ms. Answers ms until the next turn ('' when nothing waits), the endpoints of what
-- was taken (id, URL, sealed headers, sealed secret, the one before, until when that is good), the jobs that it tells of
-- (id, number of events, fields as JSON), then for each taken: id, lease, endpoint, the sealed webhook of its job or '',
-- and its own fields.
local most, slots, leaseMs = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local ring = P .. 'hook-ring'
local taken, leased, endpoints, jobs, isRead = {}, {}, {}, {}, {}
local looks, mostLooks = 0, 10 * most
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

-- What is signed with, and where it goes: a job's own webhook has the tenant's secrets.
local function tell(endpoint, lane, tenant)
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

-- Takes one, or discards what has nowhere to go any more.
local function take(endpoint, lane, id)
  local d = redis.call('HMGET', deliveryKey(id), 'tenant', 'event', 'type', 'subject', 'data', 'tries', 'once', 'attempts',
    'created')
  local tenant, subject = d[1], d[4]
  local own = lane.own and ownWebhook(subjectKey(subject), 'hook_to') or ''
  -- Its job was deleted, and with it where this was to go.
  if lane.own and own == '' then return endDelivery(id, tenant, endpoint, subject, 'discarded') end
  if lane.taken == 0 then tell(endpoint, lane, tenant) end
  lane.free, lane.taken = lane.free - 1, lane.taken + 1
  leased[#leased + 1], leased[#leased + 2] = now + leaseMs, id
  readJob(subject)
  taken[#taken + 1] = { id, redis.call('HINCRBY', deliveryKey(id), 'lease', 1), endpoint, own, unpack(d) }
end

-- Takes a lane's share of what is due. Answers whether there may be more.
local function takeShare(lane, share)
  local due = P .. 'hook-due:' .. lane.endpoint
  local ids = lane.free > 0 and redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, math.min(lane.free, share)) or {}
  if #ids == 0 then return false end
  redis.call('ZREM', due, unpack(ids))
  for _, id in ipairs(ids) do take(lane.endpoint, lane, id) end
  looks = looks + #ids
  return true
end

-- An endpoint whose turn it is, if it may be sent something.
local function openLane(endpoint)
  looks = looks + 1
  local e = redis.call('HMGET', endpointKey(endpoint), 'enabled', 'rest', 'flight', 'strikes', 'own')
  if e[1] ~= '1' then return discard(endpoint) end
  local rests = tonumber(e[2] or '0')
  if rests > now then return redis.call('ZADD', ring, rests, endpoint) and nil end
  local most = tonumber(e[4] or '0') >= 3 and 1 or slots
  return { endpoint = endpoint, own = e[5], free = most - tonumber(e[3] or '0'), taken = 0 }
end

-- A lane's next turn is behind all that are due; one that is full has none until a slot is free.
local function closeLane(lane)
  if lane.taken > 0 then redis.call('HINCRBY', endpointKey(lane.endpoint), 'flight', lane.taken) end
  local first = lane.free > 0 and redis.call('ZRANGE', P .. 'hook-due:' .. lane.endpoint, 0, 0, 'WITHSCORES') or {}
  if not first[2] then return redis.call('ZREM', ring, lane.endpoint) end
  redis.call('ZADD', ring, math.max(now, tonumber(first[2])), lane.endpoint)
end

-- What is left is shared evenly by the lanes that still have something.
local function takeRound(lanes)
  local open = lanes
  while #open > 0 and #taken < most and looks < mostLooks do
    local more = {}
    for i, lane in ipairs(open) do
      local share = math.ceil((most - #taken) / (#open - i + 1))
      if share > 0 and takeShare(lane, share) then more[#more + 1] = lane end
    end
    open = more
  end
  for _, lane in ipairs(lanes) do closeLane(lane) end
end

while #taken < most and looks < mostLooks and not hasSwept do
  local round = redis.call('ZRANGEBYSCORE', ring, '-inf', now, 'LIMIT', 0, most - #taken)
  if #round == 0 then break end
  local lanes = {}
  for _, endpoint in ipairs(round) do lanes[#lanes + 1] = openLane(endpoint) end
  takeRound(lanes)
end
if #leased > 0 then redis.call('ZADD', P .. 'hook-lease', unpack(leased)) end
local soonest = redis.call('ZRANGE', ring, 0, 0, 'WITHSCORES')
return { soonest[2] and math.max(0, tonumber(soonest[2]) - now) or '', endpoints, jobs, unpack(taken) }
