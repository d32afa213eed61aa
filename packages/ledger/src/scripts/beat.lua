-- ARGV: worker id, jobs it takes at once (0: it leaves), ms until it counts as dead.
local workers = P .. 'workers'
if ARGV[2] == '0' then
  redis.call('HDEL', workers, ARGV[1])
else
  redis.call('HSET', workers, ARGV[1], (now + tonumber(ARGV[3])) .. '|' .. ARGV[2])
end
local all, alive = 0, 0
local entries = redis.call('HGETALL', workers)
for i = 1, #entries, 2 do
  local untilMs, jobs = string.match(entries[i + 1], '^(%d+)|(%d+)$')
  if tonumber(untilMs) < now then
    redis.call('HDEL', workers, entries[i])
  else
    alive, all = alive + 1, all + tonumber(jobs)
  end
end
redis.call('SET', P .. 'window', math.max(2 * all, 2))
return alive
