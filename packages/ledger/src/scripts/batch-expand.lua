-- ARGV: id, number of the first item, most waiting of a tenant, most to hand over, then for each item its job's id, the
-- number of fields that follow, and these: none for an item that an earlier batch has made.
-- Makes jobs of items and moves on in the same step, so that no item is made twice or left out.
local id, at = ARGV[1], tonumber(ARGV[2])
local key = batchKey(id)
local b = redis.call('HMGET', key, 'state', 'cursor', 'total', 'cancel', 'tenant')
if b[1] ~= 'running' or b[4] or tonumber(b[2]) ~= at then return { 'moved' } end
local total, tenant = tonumber(b[3]), b[5]
local room = openItems - redis.call('SCARD', batchKey(id, 'open'))
local isFull = false
local i = 5
while i <= #ARGV and room > 0 do
  local job, fields = ARGV[i], tonumber(ARGV[i + 1])
  if fields == 0 then
    redis.call('HINCRBY', key, 'queued', -1)
    redis.call('HINCRBY', key, 'succeeded', 1)
    mark(id, at, 'succeeded', 1)
    noteEvent(id, eventOf(job, 'taken-over'), 'job.succeeded', at)
  else
    local record = {}
    for j = i + 2, i + 1 + fields, 2 do record[ARGV[j]] = ARGV[j + 1] end
    local limits = redis.call('HMGET', P .. 'tenant:' .. tenant, 'queued', 'queued_jobs')
    isFull = tonumber(limits[1] or '0') >= tonumber(limits[2] or ARGV[3])
    if isFull then break end
    -- The batch counted it when it was made.
    count(job, tenant, '', 'queued', 1)
    redis.call('SADD', batchKey(id, 'open'), job)
    release(key, tenant, tonumber(record.estimate or '0'))
    enter(job, record, i + 2, i + 1 + fields)
    room = room - 1
  end
  at = at + 1
  i = i + 2 + fields
end
redis.call('HSET', key, 'cursor', at)
if at >= total then release(key, tenant) end
-- When there is room again the end of an item wakes it.
if isFull then
  redis.call('ZADD', P .. 'batch-work', now + 1000, id)
elseif at >= total or room <= 0 then
  redis.call('ZREM', P .. 'batch-work', id)
else
  redis.call('ZADD', P .. 'batch-work', now, id)
end
followBatch(id, tenant)
return { 'expanded', at, unpack(dispatch(tonumber(ARGV[4]))) }
