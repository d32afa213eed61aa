-- ARGV: ms until it is given to another worker, ms until a silent reader is lost. Answers a batch that has work to be
-- done, and its record.
for _, batch in ipairs(redis.call('ZRANGEBYSCORE', P .. 'batch-deadlines', '-inf', now, 'LIMIT', 0, 20)) do
  redis.call('ZADD', P .. 'batch-deadlines', now + 5000, batch)
  wakeBatch(batch)
end
for _, batch in ipairs(redis.call('ZRANGEBYSCORE', P .. 'batch-work', '-inf', now, 'LIMIT', 0, 20)) do
  local b = redis.call('HMGET', batchKey(batch), 'state', 'tenant', 'beat', 'cancel', 'redo', 'deadline', 'cursor', 'total',
    'removal')
  local isLate = b[6] and tonumber(b[6]) <= now and tonumber(b[7] or '0') < tonumber(b[8])
  if b[1] == 'validating' and tonumber(b[3]) <= now - tonumber(ARGV[2]) then
    local retentionMs = tonumber(redis.call('HGET', batchKey(batch), 'retention'))
    redis.call('HSET', batchKey(batch), 'state', 'failed', 'completed', now, 'expires', now + retentionMs)
    redis.call('ZADD', P .. 'batch-retention', now + retentionMs, batch)
    redis.call('HINCRBY', P .. 'tenant:' .. b[2], 'batches', -1)
    redis.call('ZREM', P .. 'batch-work', batch)
  elseif b[9] or b[1] == 'running' or (b[1] == 'paused' and (b[4] or b[5] or isLate)) then
    redis.call('ZADD', P .. 'batch-work', now + tonumber(ARGV[1]), batch)
    return { batch, redis.call('HGETALL', batchKey(batch)) }
  elseif b[1] ~= 'validating' then
    redis.call('ZREM', P .. 'batch-work', batch)
  end
end
return {}
