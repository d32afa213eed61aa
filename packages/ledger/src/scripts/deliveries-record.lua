-- ARGV: ms of failing that disable an endpoint, the reason when gone, the reason when failing; then for each try: id,
-- lease, its JSON, what follows (delivered, again, exhausted, gone), ms until the next try, ms that the endpoint rests.
-- Answers for each whether it was recorded, and why its endpoint is disabled by it, or what Redis says against it.
local disableAfterMs, goneReason, failingReason = tonumber(ARGV[1]), ARGV[2], ARGV[3]

-- Endpoints that have no mark of a failure left.
local hasSucceeded = {}

local function succeed(endpoint)
  if hasSucceeded[endpoint] then return end
  hasSucceeded[endpoint] = true
  redis.call('HDEL', endpointKey(endpoint), 'failing', 'strikes', 'rest')
end

-- A failed try says something of its endpoint, unless it was only for trying. Answers why that is to be disabled, or ''.
local function strike(held, kind, restMs)
  local endpoint = endpointKey(held.endpoint)
  local e = redis.call('HMGET', endpoint, 'enabled', 'own')
  if e[1] ~= '1' or held.once then return '' end
  hasSucceeded[held.endpoint] = nil
  redis.call('HSETNX', endpoint, 'failing', now)
  local strikes = redis.call('HINCRBY', endpoint, 'strikes', 1)
  local circuit = strikes >= 10 and math.min(30000, 250 * 2 ^ math.min(strikes - 10, 10)) or 0
  local rest = math.max(circuit, restMs)
  if rest > 0 then redis.call('HSET', endpoint, 'rest', string.format('%.0f', now + rest)) end
  if e[2] then return '' end
  if kind == 'gone' then return goneReason end
  return now - tonumber(redis.call('HGET', endpoint, 'failing')) >= disableAfterMs and failingReason or ''
end

local leased, given, ended, answers = {}, {}, {}, {}

local function recordTry(id, lease, try, kind, inMs, restMs)
  local held = leased[id] and holdDelivery(id, lease)
  if not held then return { 'fenced' } end
  local n = held.attempts + 1
  redis.call('HSET', deliveryKey(id), 'attempts', n, 'a:' .. n, try, 'tries', held.tries + 1)
  if n > triesKept then redis.call('HDEL', deliveryKey(id), 'a:' .. (n - triesKept)) end

  local reason, over = '', kind == 'gone' and 'discarded' or kind
  if kind == 'delivered' then succeed(held.endpoint) else reason = strike(held, kind, restMs) end
  if kind == 'again' then
    becomeDue(held.endpoint, id, now + inMs)
  else
    leaveChain(id, held.endpoint, held.subject, over)
    ended[#ended + 1] = { id, held.tenant, held.endpoint, over }
  end
  if reason ~= '' then disable(held.tenant, held.endpoint, reason) end
  leased[id] = false
  given[#given + 1] = id
  freeSlot(held.endpoint)
  return { 'recorded', reason }
end

local ids = {}
for i = 4, #ARGV, 6 do ids[#ids + 1] = ARGV[i] end
for i, expiresAt in ipairs(redis.call('ZMSCORE', P .. 'hook-lease', unpack(ids))) do leased[ids[i]] = expiresAt end

for i = 4, #ARGV, 6 do
  local isFine, answer = pcall(recordTry, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4]),
    tonumber(ARGV[i + 5]))
  -- One that cannot be written down says nothing of its neighbours, and stays leased.
  if not isFine then answer = { 'failed', type(answer) == 'table' and answer.err or tostring(answer) } end
  answers[#answers + 1] = answer
end
if #given > 0 then redis.call('ZREM', P .. 'hook-lease', unpack(given)) end
fileEnded(ended)
freeSlots()
return answers
