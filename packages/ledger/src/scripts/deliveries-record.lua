-- ARGV: id, lease, the try's JSON, what follows (delivered, again, exhausted, gone), ms until the next try, ms that the
-- endpoint rests, ms of failing that disable it, the reason when gone, the reason when failing.
local id, kind = ARGV[1], ARGV[4]
local held = unleaseDelivery(id, ARGV[2])
if not held then return { 'fenced' } end
local endpoint = endpointKey(held.endpoint)
local n = redis.call('HINCRBY', deliveryKey(id), 'attempts', 1)
redis.call('HSET', deliveryKey(id), 'a:' .. n, ARGV[3])
if n > triesKept then redis.call('HDEL', deliveryKey(id), 'a:' .. (n - triesKept)) end
redis.call('HINCRBY', deliveryKey(id), 'tries', 1)

if kind == 'delivered' then
  redis.call('HDEL', endpoint, 'failing', 'strikes', 'rest')
  endDelivery(id, held.tenant, held.endpoint, held.subject, 'delivered')
  return { 'recorded', '' }
end

-- A failed try says something of its endpoint, unless it was only for trying.
local function strike()
  local e = redis.call('HMGET', endpoint, 'enabled', 'own')
  if e[1] ~= '1' or held.once then return '' end
  redis.call('HSETNX', endpoint, 'failing', now)
  local strikes = redis.call('HINCRBY', endpoint, 'strikes', 1)
  local circuit = strikes >= 10 and math.min(30000, 250 * 2 ^ math.min(strikes - 10, 10)) or 0
  local rest = math.max(circuit, tonumber(ARGV[6]))
  if rest > 0 then redis.call('HSET', endpoint, 'rest', string.format('%.0f', now + rest)) end
  if e[2] then return '' end
  if kind == 'gone' then return ARGV[8] end
  return now - tonumber(redis.call('HGET', endpoint, 'failing')) >= tonumber(ARGV[7]) and ARGV[9] or ''
end

local reason = strike()
if kind == 'again' then
  becomeDue(held.endpoint, id, now + tonumber(ARGV[5]))
else
  endDelivery(id, held.tenant, held.endpoint, held.subject, kind == 'gone' and 'discarded' or 'exhausted')
end
if reason ~= '' then disable(held.tenant, held.endpoint, reason) end
return { 'recorded', reason }
