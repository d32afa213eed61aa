-- ARGV: account or '' for all, then models. Frees what is parked; answers how many accounts that were.
local resumed = 0
for i = 2, #ARGV do resumed = resumed + quota.resume(ARGV[i], ARGV[1]) end
return resumed
