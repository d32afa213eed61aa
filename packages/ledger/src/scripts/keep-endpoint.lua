-- ARGV: tenant, id, most, events, enabled, then its other fields and values.
local tenant, id, events, enabled = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
if redis.call('ZCARD', P .. 'endpoints:' .. tenant) >= tonumber(ARGV[3]) then return 'full' end
redis.call('ZADD', P .. 'endpoints:' .. tenant, 0, id)
redis.call('HSET', endpointKey(id), 'tenant', tenant, 'events', events, 'enabled', enabled, 'created', now,
  unpack(ARGV, 6))
if enabled == '1' then redis.call('HSET', P .. 'hooks:' .. tenant, id, events) end
return 'created'
