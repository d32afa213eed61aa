-- ARGV: id. Forgets a batch whose rows were refused; nothing of it was ever run.
local key = batchKey(ARGV[1])
local b = redis.call('HMGET', key, 'state', 'tenant', 'idem')
if b[1] ~= 'validating' then return 0 end
redis.call('DEL', key)
redis.call('ZREM', P .. 'batches:' .. b[2], ARGV[1])
redis.call('ZREM', P .. 'batch-work', ARGV[1])
redis.call('HINCRBY', P .. 'tenant:' .. b[2], 'batches', -1)
if b[3] ~= '' then redis.call('DEL', P .. 'idem:' .. b[2] .. ':' .. b[3]) end
return 1
