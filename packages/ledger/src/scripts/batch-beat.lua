-- ARGV: id, ms until a silent one is lost. Says that its rows are still being read; answers whether it is wanted.
if redis.call('HGET', batchKey(ARGV[1]), 'state') ~= 'validating' then return 0 end
redis.call('HSET', batchKey(ARGV[1]), 'beat', now)
redis.call('ZADD', P .. 'batch-work', now + tonumber(ARGV[2]), ARGV[1])
return 1
