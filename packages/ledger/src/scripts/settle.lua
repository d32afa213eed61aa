-- ARGV: id, epoch, retention ms, most to hand over, JSON of the settlement.
local id, epoch, retentionMs = ARGV[1], ARGV[2], tonumber(ARGV[3])
local s = cjson.decode(ARGV[5])

-- How long a job of a model keeps a worker's slot, over all of its attempts, and how many calls it makes: means in
-- which the last twenty or so count most, and the first ones evenly.
local function learnPace(model, ms, made)
  local known = redis.call('HGET', P .. 'paces', model) or '0|0|0'
  local mean, n, calls = string.match(known, '^([%d.]+)|(%d+)|?([%d.]*)$')
  local jobs = math.min(tonumber(n) + 1, 20)
  mean = tonumber(mean) + (ms - tonumber(mean)) / jobs
  calls = tonumber(calls) or 1
  calls = calls + (made - calls) / jobs
  redis.call('HSET', P .. 'paces', model, string.format('%.1f|%d|%.2f', mean, jobs, calls))
end

-- How many jobs end in a minute, in which the last minute counts most; and, while there is always another job for a
-- slot, how long a slot really takes for a job, beside how long the job keeps it: handing over takes time as well.
local function learnRate(ms)
  local r = redis.call('HMGET', P .. 'rate', 'jobs', 'at', 'slot_ms', 'job_ms', 'n', 'full')
  local at, window = tonumber(r[2] or now), tonumber(redis.call('GET', P .. 'window') or '2')
  local full = redis.call('ZCARD', P .. 'lease') >= window and '1' or '0'
  local jobs = tonumber(r[1] or '0') * math.exp((at - now) / 60000) + 1
  redis.call('HSET', P .. 'rate', 'jobs', string.format('%.4f', jobs), 'at', now, 'full', full)
  if full == '0' or r[6] ~= '1' then return end
  local n = math.min(tonumber(r[5] or '0') + 1, 50)
  local slotMs, jobMs = tonumber(r[3] or '0'), tonumber(r[4] or '0')
  redis.call('HSET', P .. 'rate', 'n', n, 'slot_ms', slotMs + ((now - at) * window / 2 - slotMs) / n,
    'job_ms', jobMs + (ms - jobMs) / n)
end
local job = jobKey(id)
local r = redis.call('HMGET', job, 'status', 'epoch', 'tenant', 'model', 'batch', 'key', 'cancel', 'rank',
  'lane', 'turn', 'ran')
if not r[1] then
  -- It was deleted while it ran; what it used is paid all the same.
  if s.tenant ~= '' then bill(s.tenant, s.model, s.key, s.calls, 0, s.input, s.output, s.cost) end
  return { 'gone' }
end
if r[2] ~= epoch then return { 'fenced' } end
-- The same command over a new connection: this attempt is over already.
if r[1] ~= 'running' then return { 'settled' } end
local tenant, model, batch, lane = r[3], r[4], r[5], r[9] or r[4]

local ran = now - (closeAttempt(id, s.outcome, s.upstreamStatus, s.charged) or now)
spend(id, tenant, model, r[6], s.calls, 0, s.input, s.output, s.cost)
for _, field in ipairs({ 'text', 'text_key', 'layout', 'warned', 'abandoned' }) do
  if s[field] ~= '' then redis.call('HSET', job, field, s[field]) end
end

local isExcused = report(model, s.health, id .. '.' .. r[10], s)
local status = s.status
if s.kind == 'again' and r[7] == '1' then status = 'canceled' end
if status ~= '' then
  if status ~= 'canceled' then
    if s.error ~= '' then redis.call('HSET', job, 'error', s.error) end
    if s.shortfall ~= '' then redis.call('HSET', job, 'shortfall', s.shortfall) end
  end
  local ms = ran + tonumber(r[11] or '0')
  learnRate(ms)
  if status ~= 'canceled' then learnPace(model, ms, tonumber(redis.call('HGET', job, 'calls') or '0')) end
  finish(id, tenant, model, batch, 'running', status, retentionMs)
  if s.pictures ~= '' then
    redis.call('SET', P .. 'pictures:' .. tenant .. ':' .. s.pictures, id, 'PX', s.picturesMs)
  end
else
  local isWaiting = isExcused and s.successor == ''
  if s.free or isWaiting then redis.call('HINCRBY', job, 'tries', -1) end
  redis.call('HDEL', job, 'gone')
  redis.call('HINCRBY', job, 'ran', ran)
  unlease(id, tenant, batch)
  move(id, tenant, batch, 'running', 'queued')
  if s.successor ~= '' then
    enqueue(id, tenant, takeOver(id, lane, s.successor, s.leaves), batch, r[8])
  elseif isWaiting then
    enqueue(id, tenant, lane, batch, r[8])
  elseif s.delayMs > 0 then
    redis.call('HSET', job, 'blocked', s.blockedBy ~= '' and s.blockedBy or 'retry_wait')
    redis.call('ZADD', P .. 'later', now + s.delayMs, id)
  else
    enqueue(id, tenant, lane, batch, r[8])
  end
end
local ready = dispatch(tonumber(ARGV[4]))
return { 'settled', unpack(ready) }
