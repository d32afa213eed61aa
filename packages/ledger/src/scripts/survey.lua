-- ARGV: most tenants to look at. What waits, who works and what rests, in one look.
local tenants, quotas = {}, {}
quota.isRead = true
local ring = redis.call('ZRANGE', P .. 'ring', 0, tonumber(ARGV[1]) - 1, 'WITHSCORES')
for i = 1, #ring, 2 do
  local lanes = {}
  for _, lane in ipairs(redis.call('SMEMBERS', P .. 'lanes:' .. ring[i])) do
    local key = pendingKey(ring[i], lane)
    local waiting, oldest = redis.call('ZCARD', key), ''
    for rank = 0, 2 do
      local first = redis.call('ZRANGE', key, rank, rank, 'BYSCORE', 'LIMIT', 0, 1)[1]
      if first and (oldest == '' or first < oldest) then oldest = first end
    end
    if waiting > 0 then lanes[#lanes + 1] = { modelOf(lane), waiting, oldest } end
  end
  local facts = redis.call('HMGET', P .. 'tenant:' .. ring[i], 'weight', 'leased', 'parallel_jobs')
  tenants[#tenants + 1] = { ring[i], ring[i + 1], facts[1] or '', facts[2] or '', facts[3] or '', lanes }
end
for _, model in ipairs(redis.call('SMEMBERS', P .. 'quota-models')) do
  local accounts = quota.outlook(model)
  if #accounts == 0 then
    redis.call('SREM', P .. 'quota-models', model)
  else
    quotas[#quotas + 1] = { model, accounts }
  end
end
return {
  now,
  redis.call('ZCARD', P .. 'ring'),
  redis.call('ZCARD', P .. 'lease'),
  redis.call('ZCARD', P .. 'later'),
  redis.call('GET', P .. 'window') or '',
  redis.call('GET', P .. 'fair-clock') or '',
  redis.call('HGETALL', P .. 'totals'),
  redis.call('HGETALL', P .. 'workers'),
  redis.call('HGETALL', P .. 'rest'),
  redis.call('HGETALL', P .. 'paces'),
  redis.call('HGETALL', P .. 'rate'),
  quotas,
  tenants,
}
