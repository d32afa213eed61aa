-- ARGV: id, epoch, index, input. Writes down which image was fetched.
local job = jobKey(ARGV[1])
local r = redis.call('HMGET', job, 'status', 'epoch')
if not r[1] then return 'gone' end
if r[1] ~= 'running' or r[2] ~= ARGV[2] then return 'fenced' end
redis.call('HSETNX', job, 'i:' .. ARGV[3], ARGV[4])
return 'kept'
