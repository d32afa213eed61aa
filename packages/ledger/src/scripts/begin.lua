-- ARGV: id, turn, retention ms, error of an expired job, error of a job whose workers die, most deaths, execution.
local id, turn, retentionMs, execution = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[7]
local job = jobKey(id)
local r = redis.call('HMGET', job, 'status', 'tenant', 'model', 'batch', 'turn', 'cancel', 'deadline', 'execution',
  'lane', 'rank', 'gone')
local status, tenant, model, batch = r[1], r[2], r[3], r[4]
if not status then return { 'gone' } end
if isTerminal(status) or r[5] ~= turn then return { 'stale' } end
-- A turn that is over comes again from a queue that did not hear of its end; the job waits for the next one.
if not redis.call('ZSCORE', P .. 'lease', id) then return { 'stale' } end
-- The same command over a new connection: its first answer was lost.
if status == 'running' and r[8] == execution then
  return { 'begun', tonumber(redis.call('HGET', job, 'epoch')), redis.call('HGETALL', job) }
end

local deaths = 0
if status == 'running' then
  -- Its worker died: the call may have been made and paid.
  closeAttempt(id, 'worker_lost', '', 'unknown')
  deaths = redis.call('HINCRBY', job, 'deaths', 1)
end
if r[6] == '1' then
  finish(id, tenant, model, batch, status, 'canceled', retentionMs)
  return { 'ended' }
end
if r[7] and tonumber(r[7]) <= now then
  redis.call('HSET', job, 'error', ARGV[4])
  finish(id, tenant, model, batch, status, 'expired', retentionMs)
  return { 'ended' }
end
if deaths >= tonumber(ARGV[6]) then
  redis.call('HSET', job, 'error', ARGV[5])
  finish(id, tenant, model, batch, status, 'failed', retentionMs)
  return { 'ended' }
end

-- Handed over before its model came to rest: it waits in its lane again, and no attempt is burnt.
if status == 'queued' and not r[11] and isClosedTo(model, id .. '.' .. turn) then
  unlease(id, tenant, batch)
  enqueue(id, tenant, r[9] or model, batch, r[10])
  return { 'stale' }
end

local epoch = redis.call('HINCRBY', job, 'epoch', 1)
redis.call('HINCRBY', job, 'tries', 1)
local n = redis.call('HINCRBY', job, 'attempts', 1)
redis.call('HSET', job, 'a:' .. n, model .. '|' .. now)
if n > attemptsKept then redis.call('HDEL', job, 'a:' .. (n - attemptsKept)) end
redis.call('HSET', job, 'execution', execution)
redis.call('HDEL', job, 'blocked')
redis.call('ZADD', P .. 'lease', 'XX', now, id)
if status == 'queued' then
  move(id, tenant, batch, 'queued', 'running')
  if redis.call('HSETNX', job, 'started', now) == 1 then emit(id, tenant, 'job.started', tostring(n)) end
end
return { 'begun', epoch, redis.call('HGETALL', job) }
