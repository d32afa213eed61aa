-- ARGV: id, where it stands, where it goes on ('' at the end), most to hand over, then jobs that failed or expired.
-- Runs them again and moves on in the same step.
local batch = ARGV[1]
local key = batchKey(batch)
local b = redis.call('HMGET', key, 'redo', 'tenant')
if b[1] ~= ARGV[2] then return { 'moved' } end
for i = 5, #ARGV do
  local r = redis.call('HMGET', jobKey(ARGV[i]), 'status', 'model')
  if r[1] == 'failed' or r[1] == 'expired' then runAgain(ARGV[i], b[2], r[2], batch, r[1]) end
end
if ARGV[3] == '' then redis.call('HDEL', key, 'redo') else redis.call('HSET', key, 'redo', ARGV[3]) end
redis.call('ZADD', P .. 'batch-work', now, batch)
if ARGV[3] == '' then followBatch(batch, b[2]) end
return { 'redone', unpack(dispatch(tonumber(ARGV[4]))) }
