-- ARGV: id, tenant, what to do. What concerns many items is only noted here, and done in steps by a worker.
local id, tenant, act = ARGV[1], ARGV[2], ARGV[3]
local key = batchKey(id)
local b = redis.call('HMGET', key, 'state', 'tenant', 'cancel', 'failed', 'expired', 'deadline_seconds', 'cut_as', 'cut',
  'removal')
local state = b[1]
if not state or b[2] ~= tenant or b[9] then return 'missing' end
local isOver = state == 'completed' or state == 'canceled' or state == 'failed'
if act == 'cancel' then
  if isOver then return 'terminal' end
  if b[3] then return 'done' end
  if state == 'validating' then
    endBatch(id, tenant, 'canceled')
    return 'done'
  end
  redis.call('HSET', key, 'cancel', now, 'state', 'running')
  redis.call('HDEL', key, 'redo')
  holdLanes(id, tenant)
  wakeBatch(id)
  cutBatch(id, tenant, 'canceled')
elseif act == 'pause' then
  if isOver or b[3] or state == 'validating' then return 'terminal' end
  redis.call('HSET', key, 'state', 'paused')
  holdLanes(id, tenant)
elseif act == 'resume' then
  if isOver or b[3] or state == 'validating' then return 'terminal' end
  if state == 'running' then return 'done' end
  redis.call('HSET', key, 'state', 'running')
  redis.call('HDEL', key, 'pace_at', 'pace_done', 'before_at', 'before_done')
  openLanes(id, tenant)
  wakeBatch(id)
elseif act == 'retry' then
  if state == 'failed' or state == 'validating' or (b[3] and not isOver) then return 'terminal' end
  if tonumber(b[4] or '0') + tonumber(b[5] or '0') == 0 then return 'done' end
  reopenBatch(id, tenant)
  redis.call('HSET', key, 'redo', 0)
  redis.call('UNLINK', batchKey(id, 'urls'))
  if b[6] then
    local deadline = now + tonumber(b[6]) * 1000
    redis.call('HSET', key, 'deadline', deadline)
    redis.call('ZADD', P .. 'batch-deadlines', deadline, id)
  end
  -- Items that were no jobs yet when their time was over get one now.
  if b[7] == 'expired' then
    local rest = tonumber(redis.call('HGET', key, 'total')) - tonumber(b[8])
    redis.call('HSET', key, 'cursor', b[8])
    redis.call('HDEL', key, 'cut', 'cut_as')
    redis.call('HINCRBY', key, 'expired', -rest)
    redis.call('HINCRBY', key, 'queued', rest)
  end
  wakeBatch(id)
elseif act == 'remove' then
  if not isOver then return 'active' end
  redis.call('HSET', key, 'removal', 0)
  redis.call('ZREM', P .. 'batches:' .. tenant, id)
  redis.call('ZREM', P .. 'batch-retention', id)
  wakeBatch(id)
end
return 'done'
