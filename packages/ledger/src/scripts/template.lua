-- ARGV: tenant, id, the most that a tenant may have, the template. Answers what became of it and when it was made.
local templates = P .. 'templates:' .. ARGV[1]
local before = redis.call('HGET', templates, ARGV[2])
if not before and redis.call('HLEN', templates) >= tonumber(ARGV[3]) then return { 'full' } end
local created = before and string.match(before, '^%d+') or now
redis.call('HSET', templates, ARGV[2], created .. '|' .. ARGV[4])
return { before and 'replaced' or 'created', created }
