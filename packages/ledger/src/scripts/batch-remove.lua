-- ARGV: id. Forgets a batch; its jobs have times of their own.
local key = batchKey(ARGV[1])
local tenant = redis.call('HGET', key, 'tenant')
redis.call('ZREM', P .. 'batch-retention', ARGV[1])
redis.call('ZREM', P .. 'batch-work', ARGV[1])
if not tenant then return 0 end
redis.call('ZREM', P .. 'batches:' .. tenant, ARGV[1])
redis.call('DEL', key)
for _, part in ipairs({ 'lanes', 'open', 'urls', 'events', 'succeeded', 'failed', 'canceled', 'expired' }) do
  redis.call('UNLINK', batchKey(ARGV[1], part))
end
return 1
