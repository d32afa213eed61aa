-- Deliveries: one for each event and endpoint. `hooks:<tenant>` says which endpoints want which events; an endpoint is a
-- lane of the ring, its due deliveries are `hook-due:<endpoint>`; those of one subject stand in a chain, and only
-- the first of a chain is due.
local mostPending = 200000
local mostFinished = 100000
local finishedMs = 2592000000
local triesKept = 40

local function deliveryKey(id) return P .. 'delivery:' .. id end
local function endpointKey(id) return P .. 'endpoint:' .. id end
local function chainKey(endpoint, subject) return P .. 'hook-chain:' .. endpoint .. ':' .. subject end

local function wants(events, kind)
  return events == '*' or string.find(' ' .. events .. ' ', ' ' .. kind .. ' ', 1, true) ~= nil
end

-- The same event and endpoint have one delivery for ever; its id starts as the event's does, so the index finds it.
local function deliveryOf(endpoint, event)
  return 'dlv_' .. string.sub(event, 5, 26) .. string.sub(redis.sha1hex(endpoint .. event), 1, 10)
end

local function file(id, tenant, endpoint, from, to)
  for _, owner in ipairs({ tenant, endpoint }) do
    local index = P .. 'deliveries:' .. owner .. ':'
    if from then redis.call('ZREM', index .. from, id) end
    if to then redis.call('ZADD', index .. to, 0, id) end
  end
end

-- Several may come at once: the lane keeps the earliest turn.
local function becomeDue(endpoint, id, at)
  redis.call('ZADD', P .. 'hook-due:' .. endpoint, at, id)
  redis.call('ZADD', P .. 'hook-ring', 'LT', at, endpoint)
  redis.call('HSET', deliveryKey(id), 'due', at)
  if at <= now then redis.call('PUBLISH', P .. 'hooks', '') end
end

local function queueUp(endpoint, id, subject)
  if redis.call('RPUSH', chainKey(endpoint, subject), id) == 1 then becomeDue(endpoint, id, now) end
end

local function forgetDelivery(id)
  local d = redis.call('HMGET', deliveryKey(id), 'tenant', 'endpoint', 'status')
  if d[1] then file(id, d[1], d[2], d[3]) end
  redis.call('ZREM', P .. 'hook-retention', id)
  redis.call('DEL', deliveryKey(id))
end

-- Of those that are over the endpoint's oldest make room.
local function bound(over)
  if redis.call('ZCARD', over) <= mostFinished then return end
  for _, oldest in ipairs(redis.call('ZRANGE', over, 0, 1)) do forgetDelivery(oldest) end
end

-- Leaves its chain, whose next one becomes due. It is not over before `fileEnded` was called for it.
local function leaveChain(id, endpoint, subject, status)
  local chain = chainKey(endpoint, subject)
  local first = redis.call('LRANGE', chain, 0, 1)
  if first[1] == id then
    redis.call('LPOP', chain)
    if first[2] then becomeDue(endpoint, first[2], now) end
  else
    redis.call('LREM', chain, 1, id)
  end
  redis.call('HSET', deliveryKey(id), 'status', status, 'due', '')
end

-- Files what is over, each { id, tenant, endpoint, status }: one command for all that go to the same place.
local function fileEnded(ended)
  if #ended == 0 then return end
  local from, to, over, retention = {}, {}, {}, {}
  local function add(list, key, ...)
    list[key] = list[key] or {}
    for _, value in ipairs({ ... }) do table.insert(list[key], value) end
  end
  for _, e in ipairs(ended) do
    local id, status = e[1], e[4]
    for _, owner in ipairs({ e[2], e[3] }) do
      local index = P .. 'deliveries:' .. owner .. ':'
      add(from, index .. 'pending', id)
      add(to, index .. status, 0, id)
    end
    over[P .. 'deliveries:' .. e[3] .. ':' .. status] = true
    add(retention, 1, now + finishedMs, id)
  end
  for key, ids in pairs(from) do redis.call('ZREM', key, unpack(ids)) end
  for key, ids in pairs(to) do redis.call('ZADD', key, unpack(ids)) end
  redis.call('ZADD', P .. 'hook-retention', unpack(retention[1]))
  for key in pairs(over) do bound(key) end
end

local function endDelivery(id, tenant, endpoint, subject, status)
  redis.call('ZREM', P .. 'hook-due:' .. endpoint, id)
  leaveChain(id, endpoint, subject, status)
  fileEnded({ { id, tenant, endpoint, status } })
end

-- Sends a delivery that is known again: one that waits for a time goes now, one that is over starts anew.
local function sendAgain(id)
  local d = redis.call('HMGET', deliveryKey(id), 'status', 'tenant', 'endpoint', 'subject')
  local status, tenant, endpoint, subject = d[1], d[2], d[3], d[4]
  if status == 'pending' then
    if redis.call('ZSCORE', P .. 'hook-due:' .. endpoint, id) then
      redis.call('HSET', deliveryKey(id), 'tries', 0)
      becomeDue(endpoint, id, now)
    end
    return
  end
  redis.call('HSET', deliveryKey(id), 'status', 'pending', 'tries', 0)
  redis.call('ZREM', P .. 'hook-retention', id)
  file(id, tenant, endpoint, status, 'pending')
  queueUp(endpoint, id, subject)
end

-- Beyond `mostPending` an event stays in the log, from which it can be replayed.
local function deliver(tenant, endpoint, event, kind, subject, data, once)
  local id = deliveryOf(endpoint, event)
  local fields = { 'tenant', tenant, 'endpoint', endpoint, 'event', event, 'type', kind, 'subject', subject,
    'status', 'pending', 'tries', 0, 'created', now }
  if data then fields[#fields + 1], fields[#fields + 2] = 'data', data end
  if once then fields[#fields + 1], fields[#fields + 2] = 'once', '1' end
  redis.call('HSET', deliveryKey(id), unpack(fields))
  file(id, tenant, endpoint, nil, 'pending')
  if redis.call('ZCARD', P .. 'deliveries:' .. endpoint .. ':pending') > mostPending then
    endDelivery(id, tenant, endpoint, subject, 'discarded')
  else
    queueUp(endpoint, id, subject)
  end
  return id
end

-- A field of the webhook that a job or a batch brought along; an item has its batch's.
local function ownWebhook(subjectKey, field)
  local own = redis.call('HMGET', subjectKey, field, 'batch')
  if own[1] or not own[2] then return own[1] end
  return redis.call('HGET', P .. 'batch:' .. own[2], field)
end

-- Its endpoint: one for each tenant and origin, so that one host is one lane. It is there while something is sent to it.
local function deliverOwn(tenant, event, kind, subject, subjectKey, data)
  local own = ownWebhook(subjectKey, 'hook')
  if not own then return end
  local endpoint, events = string.match(own, '^([^|]*)|(.*)$')
  if not wants(events, kind) then return end
  redis.call('HSET', endpointKey(endpoint), 'tenant', tenant, 'own', '1', 'enabled', '1')
  redis.call('PEXPIRE', endpointKey(endpoint), finishedMs)
  deliver(tenant, endpoint, event, kind, subject, data)
end

-- Gives an event to those who want it. Tenants without webhooks cost one look.
local function route(tenant, event, kind, subject, subjectKey, data)
  local hooks = redis.call('HGETALL', P .. 'hooks:' .. tenant)
  for i = 1, #hooks, 2 do
    if hooks[i] == 'own' then
      deliverOwn(tenant, event, kind, subject, subjectKey, data)
    elseif wants(hooks[i + 1], kind) then
      deliver(tenant, hooks[i], event, kind, subject, data)
    end
  end
end

local function disable(tenant, endpoint, reason)
  redis.call('HSET', endpointKey(endpoint), 'enabled', '0', 'reason', reason)
  redis.call('HDEL', P .. 'hooks:' .. tenant, endpoint)
  redis.call('ZADD', P .. 'hook-ring', 'LT', now, endpoint)
end

-- The delivery, for whoever has its newest lease. Whether that is over yet, `hook-lease` says.
local function holdDelivery(id, lease)
  local d = redis.call('HMGET', deliveryKey(id), 'lease', 'endpoint', 'tenant', 'subject', 'once', 'attempts', 'tries')
  if not d[1] or d[1] ~= lease then return nil end
  return { endpoint = d[2], tenant = d[3], subject = d[4], once = d[5] == '1', attempts = tonumber(d[6] or '0'),
    tries = tonumber(d[7] or '0') }
end

-- Slots that endpoints get back by `freeSlots`.
local freed = {}
local function freeSlot(endpoint) freed[endpoint] = (freed[endpoint] or 0) + 1 end

-- Whoever holds the lease gives it up; undefined for who lost it. `freeSlots` has to follow.
local function unleaseDelivery(id, lease)
  local held = holdDelivery(id, lease)
  if not held or redis.call('ZREM', P .. 'hook-lease', id) == 0 then return nil end
  freeSlot(held.endpoint)
  return held
end

-- A lane that was full has a turn again.
local function freeSlots()
  for endpoint, slots in pairs(freed) do
    if redis.call('EXISTS', endpointKey(endpoint)) == 1 then
      redis.call('HINCRBY', endpointKey(endpoint), 'flight', -slots)
    end
    local first = redis.call('ZRANGE', P .. 'hook-due:' .. endpoint, 0, 0, 'WITHSCORES')
    if first[1] then redis.call('ZADD', P .. 'hook-ring', 'LT', first[2], endpoint) end
  end
end
