-- ARGV: id, cursor, retention ms. Cancels some of the items that have not ended; answers where to go on, '0' at the end.
local batch = ARGV[1]
if not redis.call('HGET', batchKey(batch), 'cancel') then return '0' end
local page = redis.call('SSCAN', batchKey(batch, 'open'), ARGV[2], 'COUNT', 50)
for _, id in ipairs(page[2]) do
  local r = redis.call('HMGET', jobKey(id), 'status', 'tenant', 'model', 'cancel')
  if r[1] == 'queued' then
    finish(id, r[2], r[3], batch, 'queued', 'canceled', tonumber(ARGV[3]))
  elseif r[1] == 'running' and r[4] ~= '1' then
    redis.call('HSET', jobKey(id), 'cancel', '1')
    redis.call('PUBLISH', P .. 'cancel', id)
  end
end
if page[1] == '0' then redis.call('ZREM', P .. 'batch-work', batch) end
return page[1]
