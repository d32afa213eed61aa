-- ARGV: how many at most. Frees what a dead worker had leased, and removes what is kept no longer.
local lost = redis.call('ZRANGEBYSCORE', P .. 'hook-lease', '-inf', now, 'LIMIT', 0, tonumber(ARGV[1]))
for _, id in ipairs(lost) do
  local held = unleaseDelivery(id, redis.call('HGET', deliveryKey(id), 'lease') or '')
  if held then becomeDue(held.endpoint, id, now) else redis.call('ZREM', P .. 'hook-lease', id) end
end
freeSlots()
local old = redis.call('ZRANGEBYSCORE', P .. 'hook-retention', '-inf', now, 'LIMIT', 0, tonumber(ARGV[1]))
for _, id in ipairs(old) do forgetDelivery(id) end
return { #lost, #old }
