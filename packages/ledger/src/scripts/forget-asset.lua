-- ARGV: tenant, id, sha256. Answers whether it was there.
local assets, hashes = P .. 'assets:' .. ARGV[1], P .. 'asset-hashes:' .. ARGV[1]
-- The same content may have been kept anew since, under another id.
if redis.call('HGET', hashes, ARGV[3]) == ARGV[2] then redis.call('HDEL', hashes, ARGV[3]) end
return redis.call('HDEL', assets, ARGV[2])
