-- ARGV: worker id, jobs it takes at once (0: it leaves), ms until it counts as dead, jobs it runs, jobs it ever took,
-- ms of silence that is an outage, ms that workers have after one to say what they hold.
-- Answers how many workers are alive, and for how many ms this one has taken nothing of what it could.
local workers = P .. 'workers'
local slots, running, taken = tonumber(ARGV[2]), tonumber(ARGV[4]), ARGV[5]
local starvedSince = 0
if isRecovering(tonumber(ARGV[6])) then redis.call('SET', P .. 'recovering', '1', 'PX', ARGV[7], 'NX') end
redis.call('SET', P .. 'heard', now)
if slots == 0 then
  redis.call('HDEL', workers, ARGV[1])
else
  -- Jobs that are out and that nobody runs: a worker with room that takes none of them is stuck.
  local unbegun = redis.call('ZCARD', P .. 'lease') - tonumber(redis.call('HGET', P .. 'totals', 'running') or '0')
  local before, since = string.match(redis.call('HGET', workers, ARGV[1]) or '', '^%d+|%d+|%d+|(%d+)|(%d+)$')
  if unbegun > 0 and running < slots and before == taken then
    starvedSince = since ~= '0' and tonumber(since) or now
  end
  redis.call('HSET', workers, ARGV[1],
    string.format('%.0f|%d|%d|%s|%.0f', now + tonumber(ARGV[3]), slots, running, taken, starvedSince))
end
local all, alive = 0, 0
local entries = redis.call('HGETALL', workers)
for i = 1, #entries, 2 do
  local untilMs, jobs = string.match(entries[i + 1], '^(%d+)|(%d+)|')
  if not untilMs or tonumber(untilMs) < now then
    redis.call('HDEL', workers, entries[i])
  else
    alive, all = alive + 1, all + tonumber(jobs)
  end
end
redis.call('SET', P .. 'window', math.max(2 * all, 2))
return { alive, starvedSince > 0 and now - starvedSince or 0 }
