-- ARGV: id, items, then fields of the record. All rows are read and in storage: from here on the batch runs. What they
-- will cost is set aside as a whole, and passes to the items as they become jobs.
local key = batchKey(ARGV[1])
local state = redis.call('HGET', key, 'state')
-- The same command over a new connection: its first answer was lost.
if state == 'running' then return { 'created' } end
if state ~= 'validating' then return { 'gone' } end
local b = redis.call('HMGET', key, 'tenant', 'key')
local fields = {}
for i = 3, #ARGV, 2 do fields[ARGV[i]] = ARGV[i + 1] end
local refused = unaffordable(b[1], b[2], tonumber(fields.estimate))
if refused then return refused end
redis.call('HSET', key, 'state', 'running', 'total', ARGV[2], 'queued', ARGV[2], 'cursor', 0, 'pace_at', now,
  'pace_done', 0, unpack(ARGV, 3))
redis.call('ZADD', P .. 'batch-work', now, ARGV[1])
local deadline = redis.call('HGET', key, 'deadline')
if deadline then redis.call('ZADD', P .. 'batch-deadlines', deadline, ARGV[1]) end
reserve(key, b[1], b[2], tonumber(fields.estimate))
return { 'created' }
