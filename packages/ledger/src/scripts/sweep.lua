-- ARGV: retention ms, error of an expired job, lease ms, most to hand over, most to expire.
-- Answers how many deadlines were looked at, then what is ready.
local expired = redis.call('ZRANGEBYSCORE', P .. 'deadlines', '-inf', now, 'LIMIT', 0, tonumber(ARGV[5]))
for _, id in ipairs(expired) do
  local r = redis.call('HMGET', jobKey(id), 'status', 'tenant', 'model', 'batch')
  if r[1] == 'queued' then
    redis.call('HSET', jobKey(id), 'error', ARGV[2])
    finish(id, r[2], r[3], r[4], 'queued', 'expired', tonumber(ARGV[1]))
  elseif r[1] == 'running' then
    -- Its worker ends it; should that one be dead, the next `begin` does.
    redis.call('ZADD', P .. 'deadlines', now + 5000, id)
  else
    redis.call('ZREM', P .. 'deadlines', id)
  end
end
-- What was handed over long ago is offered again: a no-op where BullMQ still holds it.
local again = redis.call('ZRANGEBYSCORE', P .. 'lease', '-inf', now - tonumber(ARGV[3]), 'LIMIT', 0, 200)
local ready = dispatch(tonumber(ARGV[4]))
for _, id in ipairs(again) do
  local turn = redis.call('HGET', jobKey(id), 'turn')
  if turn then
    redis.call('ZADD', P .. 'lease', now, id)
    ready[#ready + 1] = id
    ready[#ready + 1] = tonumber(turn)
  else
    redis.call('ZREM', P .. 'lease', id)
  end
end
return { #expired, unpack(ready) }
