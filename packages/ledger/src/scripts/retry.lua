-- ARGV: id, tenant, most to hand over.
local id, tenant = ARGV[1], ARGV[2]
local job = jobKey(id)
local r = redis.call('HMGET', job, 'status', 'tenant', 'model', 'batch', 'rank', 'deadline_seconds', 'shortfall')
if not r[1] or r[2] ~= tenant then return { 'missing' } end
if not isTerminal(r[1]) then return { 'active' } end
if r[1] == 'succeeded' and not r[7] then return { 'terminal' } end
redis.call('HDEL', job, 'error', 'shortfall', 'abandoned', 'started', 'completed', 'expires', 'tries', 'deaths',
  'not_before', 'blocked')
redis.call('HINCRBY', job, 'run', 1)
redis.call('ZREM', P .. 'retention', id)
if r[6] then
  local deadline = now + tonumber(r[6]) * 1000
  redis.call('HSET', job, 'deadline', deadline)
  redis.call('ZADD', P .. 'deadlines', deadline, id)
end
move(id, tenant, r[4], r[1], 'queued')
enqueue(id, tenant, r[3], r[5])
emit(id, tenant, 'job.queued')
return { 'queued', unpack(dispatch(tonumber(ARGV[3]))) }
