-- ARGV: model, job, call, '1' when other calls of the job go first, most ms ahead, end of the day, ms that an offer
-- holds, then the accounts that can be used. Answers the account and ms until the call, or ms until it may ask again.
local model, job, call = ARGV[1], ARGV[2], ARGV[3]
local lane = P .. 'lane:' .. model
redis.call('ZREM', P .. 'starting:' .. model, job)
local crowded = tonumber(redis.call('HGET', lane, 'crowded') or 0) > now
local account, soonest, why, share
for i = 8, #ARGV do
  local project, limits = string.match(ARGV[i], '^([^|]+)|(.*)$')
  if redis.call('HEXISTS', lane, 'p:' .. project) == 0 then quota.offer(model, { ARGV[i] }, now + tonumber(ARGV[7])) end
  local a = quota.accountOf(model, project, limits)
  -- The same command over a new connection: its first answer was lost.
  local known = redis.call('ZSCORE', a.calls, call)
  if known then return { 'go', project, math.max(0, math.ceil(known - now)), known, a.strikes > 0 and 1 or 0 } end
  local at, _, reason = quota.opening(a, crowded)
  local used = a.made / (a.limit or a.cap or math.huge)
  if not soonest or at < soonest or (at == soonest and used < share) then
    account, soonest, why, share = a, at, reason, used
  end
end
local isLimited = account.limit or account.cap
local aheadMs = ARGV[4] == '1' and crowded and isLimited and 0 or tonumber(ARGV[5])
if soonest > now + aheadMs then return { 'wait', why, math.ceil(soonest - now) } end
quota.make(account, call, soonest, tonumber(ARGV[6]))
return { 'go', account.project, math.max(0, math.ceil(soonest - now)), tostring(soonest), account.strikes > 0 and 1 or 0 }
