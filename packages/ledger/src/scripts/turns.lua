-- Whose turn it is: jobs are handed over to the queue fairly over the tenants, and within a tenant by priority and age.
local mostSkipped = 100

local function promote()
  local due = redis.call('ZRANGEBYSCORE', P .. 'later', '-inf', now, 'LIMIT', 0, 200)
  for _, id in ipairs(due) do
    redis.call('ZREM', P .. 'later', id)
    local job = redis.call('HMGET', jobKey(id), 'status', 'tenant', 'model', 'rank', 'batch', 'lane')
    if job[1] == 'queued' then enqueue(id, job[2], job[6] or job[3], job[5], job[4]) end
  end
end

-- The first job of a lane, or that the lane is empty.
local function readHead(heads, tenant, lane)
  local first = redis.call('ZRANGE', pendingKey(tenant, lane), 0, 0, 'WITHSCORES')
  heads[lane] = first[1] and { id = first[1], rank = tonumber(first[2]) }
  if not first[1] then redis.call('SREM', P .. 'lanes:' .. tenant, lane) end
end

-- The first job of each of a tenant's lanes. Every open batch has lanes of its own: they are read once a dispatch, and
-- then only where a job was given out.
local function headsOf(tenant, seen, known)
  if not known[tenant] then
    local heads = {}
    for _, lane in ipairs(redis.call('SMEMBERS', P .. 'lanes:' .. tenant)) do
      readHead(heads, tenant, lane)
      quota.asked = pendingKey(tenant, lane)
      if heads[lane] then modelFor(lane, seen) end
    end
    known[tenant] = heads
  end
  return known[tenant]
end

-- The best job of a tenant over its lanes whose jobs have a model that may be called: highest priority first,
-- then oldest. Answers its lane and that model too.
local function best(tenant, seen, known)
  local id, rank, lane, model
  for each, head in pairs(headsOf(tenant, seen, known)) do
    if not id or head.rank < rank or (head.rank == rank and head.id < id) then
      local able = modelFor(each, seen)
      if able then id, rank, lane, model = head.id, head.rank, each, able end
    end
  end
  return id, lane, model
end

-- Gives a tenant's job out. Who could not go for a while starts where the fair clock stands: waiting for a
-- quota earns no credit, and the clock never goes back.
-- The fair clock goes in whole steps: sums of fractions would put equal turns in any order. forecast.ts counts alike.
local turnSteps = 720720
local function giveOut(id, tenant, lane, score, weight, known)
  local start = math.max(score, tonumber(redis.call('GET', P .. 'fair-clock') or '0'))
  local next = start + math.max(1, math.floor(turnSteps / tonumber(weight or '1') + 0.5))
  redis.call('SET', P .. 'fair-clock', start)
  redis.call('ZADD', P .. 'ring', next, tenant)
  redis.call('HSET', P .. 'tenant:' .. tenant, 'finish', next)
  redis.call('ZREM', pendingKey(tenant, lane), id)
  redis.call('ZADD', P .. 'lease', now, id)
  redis.call('HINCRBY', P .. 'tenant:' .. tenant, 'leased', 1)
  readHead(known[tenant], tenant, lane)
  local batch = batchOf(lane)
  if batch and redis.call('EXISTS', batchKey(batch)) == 1 then
    redis.call('HINCRBY', batchKey(batch), 'out', 1)
    if isHeld(batch) then
      holdLanes(batch, tenant)
      known[tenant] = nil
    end
  end
  return redis.call('HINCRBY', jobKey(id), 'turn', 1)
end

-- Start-time fair queueing over tenants: the one whose turn comes first gives its best job, and its next turn
-- is 1/weight later. At most `window` jobs are out, so whoever comes next waits behind few. Those that cannot
-- go are passed over; after `mostSkipped` of them the next dispatch looks on from there.
local function dispatch(most)
  promote()
  local window = tonumber(redis.call('GET', P .. 'window') or '2')
  local free = math.min(window - redis.call('ZCARD', P .. 'lease'), most)
  if free <= 0 then return {} end
  local ready, seen, known = {}, {}, {}
  local skipped = tonumber(redis.call('GET', P .. 'passed-over') or '0')
  local last = skipped + mostSkipped
  local tenant
  while free > 0 and skipped < last do
    local turn = redis.call('ZRANGE', P .. 'ring', skipped, skipped, 'WITHSCORES')
    tenant = turn[1]
    if not tenant then break end
    local id, lane, model = best(tenant, seen, known)
    if id then
      local facts = redis.call('HMGET', P .. 'tenant:' .. tenant, 'weight', 'leased', 'parallel_jobs')
      if facts[3] and tonumber(facts[2] or '0') >= tonumber(facts[3]) then
        skipped = skipped + 1
      else
        ready[#ready + 1] = id
        ready[#ready + 1] = giveOut(id, tenant, lane, tonumber(turn[2]), facts[1], known)
        engage(id, ready[#ready], lane, model, seen)
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
