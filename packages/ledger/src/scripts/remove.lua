-- ARGV: tenant or '' for any, then ids. Removes the records and all that points at them; answers what was there.
local removed = {}
for i = 2, #ARGV do
  local id = ARGV[i]
  local r = redis.call('HMGET', jobKey(id), 'status', 'tenant', 'model', 'batch')
  if r[1] and (ARGV[1] == '' or r[2] == ARGV[1]) then
    local status, tenant = r[1], r[2]
    unqueue(id, tenant, r[3], r[4])
    unlease(id, tenant, r[4])
    release(jobKey(id), tenant)
    for _, key in ipairs({ 'deadlines', 'retention' }) do redis.call('ZREM', P .. key, id) end
    redis.call('ZREM', P .. 'index:' .. tenant, id)
    redis.call('ZREM', P .. 'index:' .. tenant .. ':' .. status, id)
    count(id, tenant, '', status, -1)
    redis.call('DEL', jobKey(id))
    -- For its batch it is over all the same.
    if r[4] and not isTerminal(status) and redis.call('EXISTS', batchKey(r[4])) == 1 then
      redis.call('HINCRBY', batchKey(r[4]), status, -1)
      redis.call('HINCRBY', batchKey(r[4]), 'canceled', 1)
      endItem(id, tenant, r[4], 'canceled', eventOf(id, 'removed'))
    end
    if status == 'running' then redis.call('PUBLISH', P .. 'cancel', id) end
    removed[#removed + 1] = id
    removed[#removed + 1] = tenant
  elseif not r[1] then
    redis.call('ZREM', P .. 'retention', id)
  end
end
return removed
