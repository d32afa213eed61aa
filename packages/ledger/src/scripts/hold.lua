-- ARGV: pairs of id and epoch. A living worker says which jobs it still does; answers those that another one has.
local lost = {}
for i = 1, #ARGV, 2 do
  local r = redis.call('HMGET', jobKey(ARGV[i]), 'status', 'epoch')
  if r[2] and r[2] ~= ARGV[i + 1] then
    lost[#lost + 1] = ARGV[i]
  elseif r[1] == 'running' then
    redis.call('HSET', jobKey(ARGV[i]), 'held', now)
  end
end
return lost
