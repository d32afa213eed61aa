-- ARGV: id, tenant, retention ms.
local id, tenant = ARGV[1], ARGV[2]
local r = redis.call('HMGET', jobKey(id), 'status', 'tenant', 'model', 'batch')
if not r[1] or r[2] ~= tenant then return 'missing' end
if isTerminal(r[1]) then return 'terminal' end
if r[1] == 'queued' then
  finish(id, tenant, r[3], r[4], 'queued', 'canceled', tonumber(ARGV[3]))
  return 'ended'
end
redis.call('HSET', jobKey(id), 'cancel', '1')
redis.call('PUBLISH', P .. 'cancel', id)
return 'asked'
