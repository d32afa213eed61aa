-- ARGV: tenant, id, then fields and new values. One that is enabled again or moved starts with a clean record.
local tenant, id = ARGV[1], ARGV[2]
local key = endpointKey(id)
local e = redis.call('HMGET', key, 'tenant', 'enabled', 'own', 'url')
if e[1] ~= tenant or e[3] then return 'missing' end
if #ARGV > 2 then redis.call('HSET', key, unpack(ARGV, 3)) end
local after = redis.call('HMGET', key, 'enabled', 'events')
if after[1] == '1' then
  redis.call('HSET', P .. 'hooks:' .. tenant, id, after[2])
  if e[2] ~= '1' or redis.call('HGET', key, 'url') ~= e[4] then
    redis.call('HDEL', key, 'reason', 'failing', 'strikes', 'rest')
  end
elseif e[2] == '1' then
  disable(tenant, id, '')
end
return 'changed'
