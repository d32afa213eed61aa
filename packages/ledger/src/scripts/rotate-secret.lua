-- ARGV: 'endpoint' or 'tenant', tenant, endpoint or '', the new secret, ms that the old one stays good.
local key = P .. 'hook-secret:' .. ARGV[2]
if ARGV[1] == 'endpoint' then
  key = endpointKey(ARGV[3])
  local e = redis.call('HMGET', key, 'tenant', 'own')
  if e[1] ~= ARGV[2] or e[2] then return 'missing' end
end
local before = redis.call('HGET', key, 'secret')
if before then redis.call('HSET', key, 'old_secret', before, 'old_until', string.format('%.0f', now + tonumber(ARGV[5]))) end
redis.call('HSET', key, 'secret', ARGV[4])
return 'rotated'
