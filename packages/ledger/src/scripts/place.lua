-- ARGV: id. Where a waiting job is: before its time, out (and behind how many that are), or in its lane: behind how
-- many of its tenant's, what holds it, the model that it would go to, and until when that
-- one rests. A lane's order is that of priority and then of ids, so places in
-- other lanes are found by halving: nothing here grows faster than the logarithm of what waits.
local id = ARGV[1]
quota.isRead = true
local r = redis.call('HMGET', jobKey(id), 'status', 'tenant', 'model', 'batch', 'lane')
if r[1] ~= 'queued' then return { 'gone' } end
local due = redis.call('ZSCORE', P .. 'later', id)
if due then return { 'later', due } end
local out = redis.call('ZRANK', P .. 'lease', id)
if out then return { 'out', out } end

local own = laneOf(r[5] or r[3], r[4])
local rank = tonumber(redis.call('ZSCORE', pendingKey(r[2], own), id))
if not rank then return { 'gone' } end

local function goesFirst(entry)
  local score = tonumber(entry[2])
  return score < rank or (score == rank and entry[1] < id)
end

local before, seen = redis.call('ZRANK', pendingKey(r[2], own), id), {}
for _, lane in ipairs(redis.call('SMEMBERS', P .. 'lanes:' .. r[2])) do
  if lane ~= own and modelFor(lane, seen) then
    local key = pendingKey(r[2], lane)
    local low, high = 0, redis.call('ZCARD', key)
    while low < high do
      local middle = math.floor((low + high) / 2)
      if goesFirst(redis.call('ZRANGE', key, middle, middle, 'WITHSCORES')) then
        low = middle + 1
      else
        high = middle
      end
    end
    before = before + low
  end
end
local model, held = modelFor(own, seen), ''
local untilMs, reason = restOf(r[3])
if not model then held = untilMs > now and reason or circuitOf(r[3]).reason end
if held == '' and quota.isFull(r[3]) then held = 'upstream_rpm' end
if r[4] and isHeld(r[4]) then
  held = redis.call('HGET', batchKey(r[4]), 'state') == 'paused' and 'batch_paused' or 'max_parallel'
end
return { 'lane', before, held, model or r[3], model and 0 or untilMs }
