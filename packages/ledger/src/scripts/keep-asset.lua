-- ARGV: tenant, id, sha256, the most that a tenant may have, the asset. Answers what became of it, and its id and
-- content: those of the asset that has this content already, where there is one.
local assets, hashes = P .. 'assets:' .. ARGV[1], P .. 'asset-hashes:' .. ARGV[1]
local known = redis.call('HGET', hashes, ARGV[3])
local before = known and redis.call('HGET', assets, known)
if before then return { 'known', known, before } end
if redis.call('HLEN', assets) >= tonumber(ARGV[4]) then return { 'full' } end
local asset = now .. '|' .. ARGV[5]
redis.call('HSET', assets, ARGV[2], asset)
redis.call('HSET', hashes, ARGV[3], ARGV[2])
return { 'created', ARGV[2], asset }
