-- What every script begins with. ARGV[1] is taken off: the time of Redis, in ms, until which its caller waits for an
-- answer, or '' for one who asks until it is told. A command may lie about for long, in a Redis that hangs or on its
-- way; its caller has then been told that nothing happened, and nothing may.
local latest = tonumber(table.remove(ARGV, 1))
if latest and now > latest then return redis.error_reply('LATE nobody waits for this any more') end
