-- ARGV: id. Ends what is no job yet when the time of the batch is over.
local b = redis.call('HMGET', batchKey(ARGV[1]), 'state', 'deadline', 'tenant')
if (b[1] == 'running' or b[1] == 'paused') and b[2] and tonumber(b[2]) <= now then
  cutBatch(ARGV[1], b[3], 'expired')
end
return 1
