-- ARGV: id, tenant. Sends a delivery again, with a whole new row of tries.
local d = redis.call('HMGET', deliveryKey(ARGV[1]), 'tenant', 'endpoint')
if not d[1] or d[1] ~= ARGV[2] then return 'missing' end
if redis.call('HGET', endpointKey(d[2]), 'enabled') ~= '1' then return 'disabled' end
sendAgain(ARGV[1])
return 'pending'
