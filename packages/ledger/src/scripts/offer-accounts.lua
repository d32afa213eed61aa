-- ARGV: model, ms that the offer holds, '1' to free what is parked, then accounts: project|rpm|rpd|window ms.
local accounts = { unpack(ARGV, 4) }
quota.offer(ARGV[1], accounts, now + tonumber(ARGV[2]))
if ARGV[3] ~= '1' then return end
for _, account in ipairs(accounts) do
  local project, limits = string.match(account, '^([^|]+)|(.*)$')
  local a = quota.accountOf(ARGV[1], project, limits)
  if a.why and a.why ~= 'upstream_rpm' then quota.free(a) end
end
