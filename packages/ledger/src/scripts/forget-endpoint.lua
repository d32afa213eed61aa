-- ARGV: tenant, id. What is still on its way to it is discarded by the next `take`.
local key = endpointKey(ARGV[2])
local e = redis.call('HMGET', key, 'tenant', 'own')
if e[1] ~= ARGV[1] or e[2] then return 0 end
disable(ARGV[1], ARGV[2], '')
redis.call('ZREM', P .. 'endpoints:' .. ARGV[1], ARGV[2])
redis.call('DEL', key)
return 1
