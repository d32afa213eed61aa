-- ARGV: cursor, then models. Some of the jobs that wait for a time because an account of these models was parked wait for
-- their turn from now on. Answers where to go on, '0' at the end, and how many these were.
local models, resumed = {}, 0
for i = 2, #ARGV do models[ARGV[i]] = true end
local page = redis.call('ZSCAN', P .. 'later', ARGV[1], 'COUNT', 100)
for i = 1, #page[2], 2 do
  local id = page[2][i]
  local r = redis.call('HMGET', jobKey(id), 'model', 'blocked')
  if models[r[1]] and leavesFor[r[2]] and tonumber(page[2][i + 1]) > now then
    redis.call('ZADD', P .. 'later', 'XX', now, id)
    redis.call('HDEL', jobKey(id), 'blocked')
    resumed = resumed + 1
  end
end
return { page[1], resumed }
