-- ARGV: id, epoch, retention ms, most to hand over, JSON of the settlement.
local id, epoch, retentionMs = ARGV[1], ARGV[2], tonumber(ARGV[3])
local s = cjson.decode(ARGV[5])
local job = jobKey(id)
local r = redis.call('HMGET', job, 'status', 'epoch', 'tenant', 'model', 'batch', 'key', 'cancel', 'rank',
  'lane', 'turn')
if not r[1] then
  -- It was deleted while it ran; what it used is paid all the same.
  if s.tenant ~= '' then bill(s.tenant, s.day, s.model, s.key, s.calls, 0, s.input, s.output, s.cost) end
  return { 'gone' }
end
if r[2] ~= epoch then return { 'fenced' } end
-- The same command over a new connection: this attempt is over already.
if r[1] ~= 'running' then return { 'settled' } end
local tenant, model, batch, lane = r[3], r[4], r[5], r[9] or r[4]

closeAttempt(id, s.outcome, s.upstreamStatus, s.charged)
spend(id, tenant, s.day, model, r[6], s.calls, 0, s.input, s.output, s.cost)
for _, field in ipairs({ 'text', 'text_key', 'warned', 'abandoned' }) do
  if s[field] ~= '' then redis.call('HSET', job, field, s[field]) end
end

local isExcused = report(model, s.health, id .. '.' .. r[10], s)
local status = s.status
if s.kind == 'again' and r[7] == '1' then status = 'canceled' end
if status ~= '' then
  if status ~= 'canceled' then
    if s.error ~= '' then redis.call('HSET', job, 'error', s.error) end
    if s.shortfall ~= '' then redis.call('HSET', job, 'shortfall', s.shortfall) end
  end
  finish(id, tenant, model, batch, 'running', status, retentionMs)
else
  local isWaiting = isExcused and s.successor == ''
  if s.free or isWaiting then redis.call('HINCRBY', job, 'tries', -1) end
  redis.call('HDEL', job, 'gone')
  unlease(id, tenant, batch)
  move(id, tenant, batch, 'running', 'queued')
  if s.blockedBy ~= '' then rest(model, now + s.delayMs, s.blockedBy) end
  if s.successor ~= '' then
    enqueue(id, tenant, takeOver(id, lane, s.successor, s.leaves), batch, r[8])
  elseif s.blockedBy ~= '' or isWaiting then
    enqueue(id, tenant, lane, batch, r[8])
  elseif s.delayMs > 0 then
    redis.call('HSET', job, 'blocked', 'retry_wait')
    redis.call('ZADD', P .. 'later', now + s.delayMs, id)
  else
    enqueue(id, tenant, lane, batch, r[8])
  end
end
local ready = dispatch(tonumber(ARGV[4]))
return { 'settled', unpack(ready) }
