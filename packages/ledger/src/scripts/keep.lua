-- ARGV: id, epoch, index, output, calls, input tokens, output tokens, cost or ''.
local id, epoch, index = ARGV[1], ARGV[2], ARGV[3]
local job = jobKey(id)
local r = redis.call('HMGET', job, 'status', 'epoch', 'tenant', 'model', 'key')
if not r[1] then return 'gone' end
if r[1] ~= 'running' or r[2] ~= epoch then return 'fenced' end
if redis.call('HSETNX', job, 'o:' .. index, ARGV[4]) == 0 then return 'kept' end
spend(id, r[3], r[4], r[5], tonumber(ARGV[5]), 1, ARGV[6], ARGV[7], ARGV[8])
emit(id, r[3], 'job.output', index)
return 'kept'
