-- ARGV: batch, URL's hash, who asks, ms that a fetch may take, what became of it or '', ms that this holds.
-- A photo that many items name is fetched by one of them. Answers 'mine' (fetch it; what became of it last time),
-- 'wait', or 'known' and what became of it.
local urls = batchKey(ARGV[1], 'urls')
if redis.call('EXISTS', batchKey(ARGV[1])) == 0 then return { 'mine' } end
if ARGV[5] ~= '' then
  redis.call('HSET', urls, ARGV[2], string.format('%.0f|%s', now + tonumber(ARGV[6]), ARGV[5]))
  redis.call('PEXPIRE', urls, 86400000)
  return { 'kept' }
end
local untilMs, known = string.match(redis.call('HGET', urls, ARGV[2]) or '', '^(%d+)|(.*)$')
local isTold = known and string.sub(known, 1, 1) == '{'
if untilMs and tonumber(untilMs) > now then
  if isTold then return { 'known', known } end
  if known ~= ARGV[3] then return { 'wait' } end
end
redis.call('HSET', urls, ARGV[2], string.format('%.0f|%s', now + tonumber(ARGV[4]), ARGV[3]))
redis.call('PEXPIRE', urls, 86400000)
return { 'mine', isTold and known or '' }
