-- ARGV: tenant, endpoint, something that no other has, the data's JSON. Answers the delivery's id.
local tenant, endpoint = ARGV[1], ARGV[2]
local e = redis.call('HMGET', endpointKey(endpoint), 'tenant', 'enabled', 'own')
if e[1] ~= tenant or e[3] then return { 'missing' } end
if e[2] ~= '1' then return { 'disabled' } end
local event = eventOf(endpoint, ARGV[3])
return { 'pending', deliver(tenant, endpoint, event, 'webhook.test', event, ARGV[4], true) }
