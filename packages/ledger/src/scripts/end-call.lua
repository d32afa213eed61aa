-- ARGV: model, account, call, its time, what came of it, then of a refusal: ms to wait or '', limit that was told or '';
-- of a park: reason, its end or ''. Answers whether the account takes calls.
local project, limits = string.match(ARGV[2], '^([^|]+)|(.*)$')
local a = quota.accountOf(ARGV[1], project, limits)
local call, at, came = ARGV[3], tonumber(ARGV[4]), ARGV[5]
if came == 'served' then
  quota.free(a)
elseif came == 'unsent' or (came == 'due' and a.closed > now and a.strikes == 0) then
  quota.unmake(a, call)
elseif came == 'late' then
  quota.delay(a, call)
elseif came == 'refused' then
  quota.unmake(a, call)
  quota.refuse(a, at, tonumber(ARGV[7]), tonumber(ARGV[6]))
elseif came == 'parked' then
  quota.unmake(a, call)
  quota.park(a, at, ARGV[6], tonumber(ARGV[7]))
end
return a.closed > now and a.strikes == 0 and 0 or 1
