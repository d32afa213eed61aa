-- ARGV: id, items, then fields of the record. All rows are read and in storage: from here on the batch runs.
local key = batchKey(ARGV[1])
local state = redis.call('HGET', key, 'state')
-- The same command over a new connection: its first answer was lost.
if state == 'running' then return 'created' end
if state ~= 'validating' then return 'gone' end
redis.call('HSET', key, 'state', 'running', 'total', ARGV[2], 'queued', ARGV[2], 'cursor', 0, 'pace_at', now,
  'pace_done', 0, unpack(ARGV, 3))
redis.call('ZADD', P .. 'batch-work', now, ARGV[1])
local deadline = redis.call('HGET', key, 'deadline')
if deadline then redis.call('ZADD', P .. 'batch-deadlines', deadline, ARGV[1]) end
return 'created'
