-- ARGV: id, where its removal stands, where it goes on. The jobs in between are gone, with their images.
if redis.call('HGET', batchKey(ARGV[1]), 'removal') ~= ARGV[2] then return 0 end
redis.call('HSET', batchKey(ARGV[1]), 'removal', ARGV[3])
redis.call('ZADD', P .. 'batch-work', now, ARGV[1])
return 1
